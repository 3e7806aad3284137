"""Each pair of calls of the migration page, run: both say the same of the same data, and change the same."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cogmill.api.legacy.guide import page
from cogmill.api.legacy.table import LEGACY
from cogmill.domain.hypervisors import service as hypervisors
from cogmill.domain.hypervisors.service import Place
from cogmill.domain.sessions.log import NewEvent, append
from cogmill.domain.usage.ledger import Use
from cogmill.engine.loops.insights import Insights
from cogmill.models.sessions import session
from tests.contract.things import make_shared, make_things, ok

from .facts import FACTS
from .page import PAGE, pairs

IDS = re.compile(r"[\w-]*[0-9a-f]{8}-?[0-9a-f-]{20,}|\b1\d{9}\b|\d{4}-\d\d-\d\dT[\d:.]+\w*|[\w.-]+@example.org")
MARKS = re.compile(r"\b(own|foreign)\b")
BY_CALLER = {"created_by", "updated_by", "url", "user_id", "service_user_id", "origin", "updated_at"}
LISTS = (
    "/v3/organizations/{org_id}/sessions", "/v3/organizations/{org_id}/knowledge/notes",
    "/v3/organizations/{org_id}/secrets", "/v3/organizations/{org_id}/playbooks",
    "/v3/organizations/{org_id}/sessions/{session_id}/messages", "/v3/enterprise/organizations",
    "/v3/enterprise/members/users", "/v3/enterprise/playbooks", "/v3/enterprise/idp-groups",
    "/v3/enterprise/members/idp-groups",
    "/v3/enterprise/organizations/{org_id}/members/users", "/v3/enterprise/organizations/{org_id}/members/idp-groups",
    "/v3/enterprise/organizations/{org_id}/git-providers/permissions", "/v3/enterprise/org-group-limits",
    "/v3beta1/organizations/{org_id}/repositories/indexing",
    "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints",
    "/v3beta1/organizations/{org_id}/snapshot-setup/builds",
)  # fmt: skip
"""What changes are looked for in."""
UNSEEN = {
    "POST /v1/attachments", "POST /v2/enterprise/api-keys", "DELETE /v2/enterprise/api-keys",
    "DELETE /v2/enterprise/api-keys/{api_key_id}",
}  # fmt: skip
"""Changes that no list shows."""


class Sides:
    """Our enterprise, where the old calls go, and another one with the same things, where the new ones do."""

    def __init__(self, server: Any, own: dict[str, str], foreign: dict[str, str]) -> None:
        self.server, self.own, self.foreign = server, own, foreign

    async def send(self, command: Any, values: dict[str, str]) -> Any:
        return await (await self.server.client()).request(**command.request(values))

    async def state(self, values: dict[str, str]) -> Counter[str]:
        """All that the lists show, without what tells the two sides apart."""
        found: Counter[str] = Counter()
        headers = {"authorization": f"Bearer {values['COGMILL_API_KEY']}"}
        for address in LISTS:
            path = address.format(org_id=values["ORG_ID"], session_id=values["SESSION_ID"])
            answer = await (await self.server.client()).get(path, headers=headers)
            body = answer.json() if answer.status_code == 200 else {"refused": answer.status_code}
            shown = body.get("items", [body]) if isinstance(body, dict) else body
            found.update(f"{address} {MARKS.sub('X', IDS.sub('ID', json.dumps(plain(one))))}" for one in shown)
        return found


def plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: plain(one) for key, one in sorted(node.items()) if key not in BY_CALLER}
    return [plain(one) for one in node] if isinstance(node, list) else node


@pytest.fixture
async def sides(old_keys):
    world, found = old_keys.world, []
    for mark, org_id, callers, old in (
        ("own", world.org, ("org_admin", "enterprise_admin"), "old_admin"),
        ("foreign", world.foreign_org, ("foreigner", "foreign_admin"), "old_foreign_admin"),
    ):
        things = await make_things(old_keys, org_id, *callers, mark)
        shared, top = await make_shared(old_keys, callers[1]), await old_keys.client(callers[1])
        ids = {name.upper(): ids[0] for name, ids in things.items()}
        ids |= {"ENTERPRISE_PLAYBOOK_ID": shared["playbook_id"][0], "OLD_KEY": world.tokens[old]}
        ids |= {"SNAPSHOT_ID": ids["BUILD_ID"], "OLD_KEY_ID": things["api_key_id"][2]}
        found.append(ids | times() | await more(old_keys, top, ids, mark))
    return Sides(old_keys, *found)


def times() -> dict[str, str]:
    """Of calls that are about days."""
    today = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    first, last = today - timedelta(days=3), today + timedelta(days=1)
    return {
        "COGMILL_URL": "http://cogmill.test", "FILE": "f", "FIRST_DAY": str(first.date()), "LAST_DAY": str(last.date()),
        "FROM": str(int(first.timestamp())), "TO": str(int(last.timestamp())),
        "UNTIL": str(int(last.timestamp()) + 86400),
    }  # fmt: skip


async def more(server: Any, top: Any, ids: dict[str, str], mark: str) -> dict[str, str]:
    """What only these calls need; the new ones are made with a token of the person whose key the old ones have."""
    headers = {"authorization": f"Bearer {ids['OLD_KEY']}"}
    admin = await ok((await server.client()).get("/v2/enterprise/self", headers=headers))
    token = await ok(top.post(f"/cogmill/v1/enterprise/members/users/{admin['user_id']}/tokens", json={"name": "new"}))
    keys = f"/v3beta1/enterprise/service-users/{ids['SERVICE_USER_ID']}/api-keys"
    roles = (await ok(top.get("/v3/enterprise/roles")))["items"]
    role = {one["role_type"]: one["role_id"] for one in roles if one["role_name"] == "Member"}
    invited = {"emails": [f"late.{mark}@example.org"], "enterprise_role_id": role["enterprise"]}
    await ok(top.post("/v3/enterprise/idp-groups", json={"idp_group_names": [f"late {mark}"]}))
    await server.write(lambda ctx: hypervisors.register(ctx, Place(f"hypervisor-{mark}", None, 4)))
    await server.write(lambda ctx: spend(ctx, ids["SESSION_ID"]), org=ids["ORG_ID"])
    await ok(top.post(f"/v3/enterprise/sessions/{ids['SESSION_ID']}/insights/generate"))
    await Insights(server.runtime).run_once()
    await ok(top.get(f"/cogmill/v1/organizations/{ids['ORG_ID']}/code-search", params={"query": "app"}))
    return {
        "COGMILL_API_KEY": token["token"], "OTHER_KEY_ID": (await ok(top.post(keys, json={"name": "k"})))["api_key_id"],
        "MEMBER_ROLE_ID": role["enterprise"], "ORG_MEMBER_ROLE_ID": role["org"], "NEW_EMAIL": f"new.{mark}@example.org",
        "NEW_USER_ID": (await ok(top.post("/v3/enterprise/members/users", json=invited)))[0]["user_id"],
        "NEW_GROUP_NAME": f"late {mark}",
        "OTHER_ORG_ID": (await ok(top.post("/v3/enterprise/organizations", json={"name": f"late {mark}"})))["org_id"],
    }  # fmt: skip


def spend(ctx: Any, session_id: str) -> None:
    """The session has used something yesterday, and has answered."""
    row_id = ctx.db.execute(select(session.c.id).where(session.c.session_id == session_id)).scalar_one()
    used = [NewEvent("devin_message", "message", "Done.", {"message": "Done."})]
    append(ctx, row_id, session_id, used, acus=1_250_000, use=Use(at=ctx.now - 86_400))


def test_the_page_is_the_table():
    assert PAGE.read_text("utf-8") == page(), "make migration-page"
    assert set(pairs()) == {f"{op.method} {op.address}" for op in LEGACY}


async def test_both_calls_of_a_reading_pair_say_the_same(sides):
    for call, (old, new) in pairs().items():
        if not call.startswith("GET") or not new:
            continue
        before = await sides.send(old, sides.own)
        after = [await sides.send(one, sides.own) for one in new]
        assert [one.status_code for one in after] == [before.status_code] * len(after), f"{call}: {before.text}"
        if before.status_code == 307:
            continue
        assert before.status_code == 200, f"{call}: {before.text}"
        of_old, of_new = FACTS[call]
        said = of_old(before.json())
        assert said, call
        assert said == of_new(*(one.json() for one in after)), call


async def test_both_calls_of_a_changing_pair_change_the_same(sides):
    for values, caller in ((sides.own, "org_admin"), (sides.foreign, "foreigner")):
        indexing = f"/v3beta1/organizations/{values['ORG_ID']}/repositories/indexing"
        sent = {"repository_paths": [values["REPOSITORY_PATH"]]}
        await ok((await sides.server.client(caller)).request("DELETE", indexing, json=sent))
    last = "DELETE /v2/enterprise/api-keys"  # it ends the key that all the others are made with
    for call, (old, new) in sorted(pairs().items(), key=lambda pair: (pair[0] == last, pair[0].startswith("DELETE"))):
        if call.startswith("GET") or not new:
            continue
        was = await sides.state(sides.own), await sides.state(sides.foreign)
        answers = [await sides.send(old, sides.own), *[await sides.send(one, sides.foreign) for one in new]]
        assert [one for one in answers if one.status_code >= 300] == [], [one.text for one in answers]
        now = await sides.state(sides.own), await sides.state(sides.foreign)
        deltas = [(now[n] - was[n], was[n] - now[n]) for n in (0, 1)]
        assert deltas[0] == deltas[1], call
        assert call in UNSEEN or deltas[0] != (Counter(), Counter()), call
