"""Reviews and their loop on both databases: who gets which, what ends them, what is tried again."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import select, update

from cogmill.access.scope import Scope
from cogmill.domain.pr_reviews.outcomes import AGAIN_AFTER
from cogmill.domain.sessions.children import acting, may_lead
from cogmill.domain.sessions.log import NewEvent, status_event
from cogmill.domain.sessions.states import Detail, State, Status
from cogmill.engine.loops import pr_reviews as loop
from cogmill.kit.errors import Forbidden
from cogmill.models.audit import audit_log
from cogmill.models.reviews import pr_review
from cogmill.models.sessions import session_secret
from cogmill.web.call import Call
from tests.providers import KINDS, ProviderServer, Pull

EVERYWHERE = "/v3/enterprise/pr-reviews"
DONE = State(Status.RUNNING, Detail.FINISHED)


class Asked:
    """A pull request at a provider, and those who want it reviewed."""

    def __init__(self, server, sessions, provider):
        self.server, self.sessions, self.provider = server, sessions, provider
        self.call = Call(server.runtime, Scope("", None), "test", None)
        self.url = f"{provider.address}/acme/app/pull/7"
        self.here = f"/v3/organizations/{server.world.org}/pr-reviews"

    async def make(self):
        self.top = await self.server.client("enterprise_admin")
        body = {"git_provider_type": KINDS["github"], "address": self.provider.address, "token": self.provider.token}
        self.connection = (await self.top.post("/cogmill/v1/enterprise/git-connections", json=body)).json()
        self.pull = Pull("acme/app", 7, "proposed", "main", "Title", "Body", sha="a1" * 20)
        self.provider.pulls.append(self.pull)

    async def allow(self, org, **more):
        path = f"/v3/enterprise/organizations/{org}/git-providers/permissions"
        given = {"git_connection_id": self.connection["git_connection_id"], "repo_path": "acme/app"} | more
        assert (await self.top.put(path, json={"permissions": [given]})).status_code == 200

    async def start(self, caller="org_member", path=None, expect=200):
        client = await self.server.client(caller)
        answer = await client.post(path or self.here, json={"pr_url": self.url})
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def get(self, caller="org_member", path=None, expect=200, **query):
        client = await self.server.client(caller)
        answer = await client.get(path or self.here, params={"pr_url": self.url, **query})
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def settle(self, session_id, state=DONE, **more):
        event = NewEvent("devin_message", "message", "Said", {"message": "Looks good."})
        await self.sessions.append(session_id, event, status_event(state), state=state, run_state="idle", **more)

    async def run(self):
        return await loop.run_once(self.call)

    async def make_due(self):
        due = update(pr_review).where(pr_review.c.check_at.is_not(None)).values(check_at=1)
        await self.server.write(lambda ctx: ctx.db.execute(due))


@pytest.fixture
async def asked(server, sessions, tmp_path):
    provider = ProviderServer("github", tmp_path / "provider")
    (provider.folder / "acme" / "app.git").mkdir(parents=True)
    made = Asked(server, sessions, provider)
    await made.make()
    yield made
    provider.close()


async def test_who_reviews_and_who_sees_it(asked):
    world = asked.server.world
    await asked.allow(world.org, read_only=True)
    await asked.allow(world.second_org)
    assert "read-only" in (await asked.start(expect=403))["detail"]
    # The organization that may write; the same review at both tiers, and none for the other organization.
    found = await asked.start("enterprise_admin", EVERYWHERE)
    assert (found["status"], found["commit_sha"], found["repo_path"].endswith("/acme/app")) == (
        "pending", asked.pull.sha, True,
    )  # fmt: skip
    theirs = f"/v3/organizations/{world.second_org}/pr-reviews"
    assert (await asked.start("stranger", theirs))["session_id"] == found["session_id"]
    assert await asked.get("stranger", theirs, commit_sha=asked.pull.sha[:7]) == found
    assert await asked.get("enterprise_admin", EVERYWHERE) == found
    assert "no review" in (await asked.get(expect=404))["detail"].lower()
    row = await asked.sessions.row(found["session_id"])
    assert (row.org_id, row.origin, row.category) == (world.second_org, "other", "code_review_and_analysis")
    assert row.service_user_id == world.ids["enterprise_admin"]
    for caller, path in (("viewer", asked.here), ("org_admin", EVERYWHERE), ("foreign_admin", asked.here)):
        await asked.start(caller, path, expect=403)
    (problem,) = (await asked.start("foreign_admin", EVERYWHERE, expect=422))["detail"]
    assert "No connection" in problem["msg"]
    records = await asked.server.read(
        lambda ctx: ctx.db.execute(
            select(audit_log.c.org_id, audit_log.c.data).where(audit_log.c.action == "create_pr_review")
        ).all()
    )
    made = [one for one in records if "pr_review_id" in one.data]
    assert [(one.org_id, one.data["is_new"]) for one in made] == [(world.second_org, True), (world.second_org, False)]


async def test_its_session_gets_no_secrets_and_does_nothing_else(asked):
    org = asked.server.world.org
    await asked.allow(org)
    admin = await asked.server.client("org_admin")
    kept = {"type": "key-value", "key": "K", "value": "hunter2"}
    assert (await admin.post(f"/v3/organizations/{org}/secrets", json=kept)).status_code == 200
    row = await asked.sessions.row((await asked.start("org_admin"))["session_id"])
    plain = await asked.sessions.row((await asked.sessions.create())["session_id"])

    def given(ctx, one):
        secrets = select(session_secret.c.name).where(session_secret.c.session == one.id)
        return list(ctx.db.execute(secrets).scalars()), may_lead(ctx, one)

    assert await asked.server.read(lambda ctx: given(ctx, plain)) == (["K"], True)
    assert await asked.server.read(lambda ctx: given(ctx, row)) == ([], False)
    with pytest.raises(Forbidden, match="nothing else"):
        await asked.server.read(lambda ctx: acting(ctx, row))


async def test_what_was_found_is_written_once_the_provider_takes_it(asked):
    await asked.allow(asked.server.world.org)
    found = await asked.start()
    await asked.settle(found["session_id"])
    token, asked.provider.token = asked.provider.token, "another"
    due = await asked.run()
    assert due == pytest.approx(asked.server.runtime.clock() + AGAIN_AFTER[0], abs=5)
    waits = await asked.get(commit_sha=asked.pull.sha)
    assert (waits["status"], "401" in waits["detail"]) == ("running", True)
    assert "Looks good." in waits["report"]
    asked.provider.token = token
    await asked.make_due()
    assert await asked.run() is None
    done = await asked.get()
    assert (done["status"], done["detail"], len(asked.provider.reviews)) == ("completed", None, 1)
    # Remarks at lines that the diff does not show go into the text.
    asked.provider.strict_lines = True
    again = await asked.start()
    finding = {"path": "a.py", "line": 3, "severity": "high", "text": "Wrong."}
    await asked.settle(again["session_id"], structured_output={"summary": "So so.", "findings": [finding]})
    await asked.run()
    assert "`a.py` line 3: Wrong." in asked.provider.reviews[1]["body"]
    # A permission that was taken away: nothing is written, tried again for a while, and then it errored.
    third = await asked.start()
    await asked.allow(asked.server.world.org, read_only=True)
    await asked.settle(third["session_id"])
    for _ in range(len(AGAIN_AFTER) + 1):
        await asked.make_due()
        await asked.run()
    given_up = await asked.get()
    assert (given_up["status"], "do not allow" in given_up["detail"]) == ("errored", True)
    assert len(asked.provider.reviews) == 2


async def test_a_push_that_the_provider_tells_of_cancels_it(asked):
    await asked.allow(asked.server.world.org)
    found = await asked.start()
    await asked.run()
    assert (await asked.get())["status"] == "pending"
    asked.pull.sha = "b2" * 20
    raw = json.dumps({"repository": {"full_name": "Acme/App"}, "pull_request": {"number": 7}})
    mac = hmac.new(asked.connection["webhook_secret"].encode(), raw.encode(), hashlib.sha256).hexdigest()
    nobody = await asked.server.client("nobody")
    path = f"/cogmill/v1/git-connections/{asked.connection['git_connection_id']}/webhook"
    answer = await nobody.post(path, content=raw, headers={"x-hub-signature-256": f"sha256={mac}"})
    assert answer.status_code == 200, answer.text
    assert asked.server.engine.woken[-1] == "pr_reviews"
    await asked.run()
    gone = await asked.get(commit_sha="a1a1")
    assert (gone["status"], "new push" in gone["detail"]) == ("errored", True)
    row = await asked.sessions.row(found["session_id"])
    assert row.status == "exit"
    # Sessions that stop otherwise, and those that wait for an approval.
    waiting = await asked.start()
    await asked.settle(waiting["session_id"], State(Status.RUNNING, Detail.WAITING_FOR_APPROVAL))
    await asked.run()
    assert (await asked.get())["status"] == "running"
    await asked.settle(waiting["session_id"], State(Status.SUSPENDED, Detail.USAGE_LIMIT_EXCEEDED))
    await asked.run()
    stopped = await asked.get()
    assert (stopped["status"], "suspended (usage_limit_exceeded)" in stopped["detail"]) == ("errored", True)


async def test_all_reviews_of_a_pull_request_share_a_limit(asked, monkeypatch):
    monkeypatch.setitem(asked.server.runtime.settings.__dict__, "review_acu_limit", 3.5)
    await asked.allow(asked.server.world.org)
    first = await asked.start()
    assert (await asked.sessions.row(first["session_id"])).max_acu_limit == 3
    stopped = State(Status.SUSPENDED, Detail.USAGE_LIMIT_EXCEEDED)
    await asked.settle(first["session_id"], stopped, acus=1_400_000)
    await asked.run()
    assert "together may use 3.5 ACUs (review_acu_limit)" in (await asked.get())["detail"]
    second = await asked.start()
    assert (await asked.sessions.row(second["session_id"])).max_acu_limit == 2
    await asked.settle(second["session_id"], stopped, acus=1_200_000)
    await asked.run()
    assert "have used 2.60 ACUs of the 3.5" in (await asked.start(expect=403))["detail"]
    asked.provider.pulls.append(Pull("acme/app", 8, "other", "main", "Title", "", sha="c3" * 20))
    asked.url = asked.url.replace("/7", "/8")
    await asked.start()  # another pull request


async def test_one_that_came_with_an_import_has_ended(asked):
    await asked.allow(asked.server.world.org)
    await asked.start()
    await asked.server.write(lambda ctx: ctx.db.execute(update(pr_review).values(check_at=None)))
    found = await asked.get()
    assert (found["status"], "moved" in found["detail"]) == ("errored", True)
    assert (await asked.start())["session_id"] != found["session_id"]
