"""How a pull request stands at its provider: asked for when due, at once after a signed webhook, never when closed."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import select, update

from cogmill.access.scope import Scope
from cogmill.domain.pull_requests.service import note_provided
from cogmill.engine.loops import pull_requests as loop
from cogmill.models.sessions import pull_request
from cogmill.web.call import Call
from tests.providers import KINDS, ProviderServer, Pull

FACTS = {
    "repo": "acme/app", "title": "Title", "body": "", "branch": "cogmill/x", "base_branch": "main",
    "base_commit": "a" * 40, "head_commit": "b" * 40, "number": 7, "state": "open", "provider_path": "acme/app",
}  # fmt: skip


class Known:
    """A pull request at a provider that a session opened."""

    def __init__(self, server, sessions, provider):
        self.server, self.sessions, self.provider = server, sessions, provider
        self.call = Call(server.runtime, Scope("", None), "test", None)

    async def make(self):
        self.top = await self.server.client("enterprise_admin")
        body = {"git_provider_type": KINDS[self.provider.flavour], "address": self.provider.address}
        made = await self.top.post(
            "/cogmill/v1/enterprise/git-connections", json=body | {"token": self.provider.token}
        )  # fmt: skip
        self.connection = made.json()
        self.provider.pulls.append(Pull("acme/app", 7, "cogmill/x", "main", "Title", ""))
        self.session_id = (await self.sessions.create())["session_id"]
        row = await self.sessions.row(self.session_id)
        facts = FACTS | {"git_connection_id": self.connection["git_connection_id"], "url": "https://example.org/7"}
        await self.server.write(lambda ctx: note_provided(ctx, row.id, facts, ctx.now + 1000))

    async def row(self):
        return await self.server.read(lambda ctx: ctx.db.execute(select(pull_request)).one())

    async def make_due(self):
        await self.server.write(lambda ctx: ctx.db.execute(update(pull_request).values(check_at=ctx.now - 1)))

    async def state(self):
        return (await self.sessions.ask("GET", self.session_id))["pull_requests"][0]["pr_state"]

    async def told(self):
        events = await self.sessions.ask("GET", self.session_id, "/events/details")
        return [one["contents"]["state"] for one in events["items"] if one["event_type"] == "pull_request_changed"]

    def merge(self):
        self.provider.pulls[0].state, self.provider.pulls[0].merged = "closed", True

    def delivery(self, number=7, **wrong):
        """A body and headers as this provider sends them."""
        secret = self.connection["webhook_secret"]
        if self.provider.flavour == "gitlab":
            found = {"object_kind": "merge_request", "project": {"path_with_namespace": "Acme/app"}}
            raw = json.dumps(found | {"object_attributes": {"iid": number, "state": "merged"}})
            return raw, {"x-gitlab-token": secret, "x-gitlab-event": "Merge Request Hook"} | wrong
        found = {"action": "closed", "repository": {"full_name": "Acme/app"}}
        raw = json.dumps(found | {"number": number, "pull_request": {"number": number, "merged": True}})
        mac = hmac.new(secret.encode(), raw.encode(), hashlib.sha256).hexdigest()
        if self.provider.flavour == "github":
            return raw, {"x-hub-signature-256": f"sha256={mac}", "x-github-event": "pull_request"} | wrong
        return raw, {"x-gitea-signature": mac, "x-gitea-event": "pull_request"} | wrong

    async def deliver(self, raw, headers, connection_id=None):
        nobody = await self.server.client("nobody")
        connection_id = connection_id or self.connection["git_connection_id"]
        return await nobody.post(f"/cogmill/v1/git-connections/{connection_id}/webhook", content=raw, headers=headers)


@pytest.fixture
async def known(server, sessions, tmp_path, request):
    provider = ProviderServer(getattr(request, "param", "github"), tmp_path / "provider")
    (provider.folder / "acme" / "app.git").mkdir(parents=True)
    made = Known(server, sessions, provider)
    await made.make()
    yield made
    provider.close()


each_provider = pytest.mark.parametrize("known", ["github", "gitlab", "gitea"], indirect=True)


@each_provider
async def test_a_merge_is_seen_by_asking_and_then_nobody_asks_any_more(known):
    asked = len(known.provider.seen)
    assert await loop.run_once(known.call) == (await known.row()).check_at
    assert len(known.provider.seen) == asked  # it was not due
    await known.make_due()
    await loop.run_once(known.call)
    assert (await known.state(), await known.told()) == ("open", [])
    known.merge()
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert (await known.state(), await known.told()) == ("merged", ["merged"])
    asked = len(known.provider.seen)
    await loop.run_once(known.call)
    assert len(known.provider.seen) == asked


@each_provider
async def test_a_signed_webhook_has_it_looked_at_at_once(known):
    known.merge()
    answer = await known.deliver(*known.delivery())
    assert (answer.status_code, answer.json()) == (200, {"pull_requests": 1})
    await loop.run_once(known.call)
    assert (await known.state(), await known.told()) == ("merged", ["merged"])
    # Opened again and closed: a webhook makes it known, too.
    known.provider.pulls[0].state, known.provider.pulls[0].merged = "open", False
    await known.deliver(*known.delivery())
    await loop.run_once(known.call)
    assert await known.state() == "open"
    known.provider.pulls[0].state = "closed"
    await known.deliver(*known.delivery())
    await known.deliver(*known.delivery())
    await loop.run_once(known.call)
    assert await known.told() == ["merged", "open", "closed"]


@each_provider
async def test_what_is_not_signed_is_refused_and_does_nothing(known):
    before = await known.row()
    raw, headers = known.delivery()
    for wrong in (dict.fromkeys(headers, "sha256=00"), {}, {name: value[:-1] for name, value in headers.items()}):
        assert (await known.deliver(raw, wrong)).status_code == 403
    if known.provider.flavour != "gitlab":  # which signs with a token, whatever the body
        assert (await known.deliver(raw.replace("7", "8"), headers)).status_code == 403
    unknown = await known.deliver(raw, headers, "git-connection-0")
    assert unknown.status_code == 403
    assert await known.row() == before


async def test_deliveries_about_other_things_are_taken_and_ignored(known):
    for raw in (
        b"[]",
        b'{"zen": "x"}',
        b'{"pull_request": {"number": "7"}}',
        b'{"pull_request": null, "repository": 1}',
    ):
        mac = hmac.new(known.connection["webhook_secret"].encode(), raw, hashlib.sha256).hexdigest()
        answer = await known.deliver(raw, {"x-hub-signature-256": f"sha256={mac}"})
        assert (answer.status_code, answer.json()) == (200, {"pull_requests": 0})
    raw, headers = known.delivery(number=8)
    assert (await known.deliver(raw, headers)).json() == {"pull_requests": 0}


async def test_a_provider_that_fails_is_asked_again_later_and_a_connection_that_is_gone_never(known):
    await known.make_due()
    token, known.provider.token = known.provider.token, "other"
    due = await loop.run_once(known.call)
    assert due > known.server.runtime.clock() + 60
    known.provider.token = token
    await known.top.delete(f"/cogmill/v1/enterprise/git-connections/{known.connection['git_connection_id']}")
    await known.make_due()
    assert await loop.run_once(known.call) is None
    assert await known.state() == "open"


async def test_a_webhook_that_comes_while_it_is_asked_counts(known, monkeypatch):
    """The answer may be older than the webhook: it is asked once more."""
    await known.make_due()
    ask, first = loop._ask, []

    async def slow(call, row, connection):
        found = await ask(call, row, connection)
        if not first:
            first.append(row)
            known.merge()
            await known.deliver(*known.delivery())
        return found

    monkeypatch.setattr(loop, "_ask", slow)
    await loop.run_once(known.call)
    assert await known.state() == "merged"
