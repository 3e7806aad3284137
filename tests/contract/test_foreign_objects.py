"""Objects of another tenant, really there: named in a path or body they answer as missing ones do; no list tells."""

import inspect
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from cogmill.api.operations import GET, Op
from cogmill.api.table import TABLE
from cogmill.models.metadata import metadata
from cogmill.web.guard import Reach

from .test_sweep import PARTS, name, required
from .things import Things, make_shared, make_things

TENANTS = {"elsewhere": ("foreigner", "foreign_admin"), "beside": ("stranger", "enterprise_admin")}
"""Another enterprise, and another organization of the same one: who makes objects there."""
OF_ENTERPRISE = {"user_id", "service_user_id", "idp_group_name", "group_name", "role_id", "connection_id"}
"""Things of the enterprise as a whole: seen from the organization beside they are no foreign ones."""
CALLERS = {
    Reach.IN_ORG: "org_admin", Reach.IN_HOME_ORG: "org_admin", Reach.IN_ENTERPRISE: "enterprise_admin",
    Reach.ENTERPRISE_ORG: "enterprise_admin", Reach.SELF: "person",
}  # fmt: skip


def caller_of(op: Op) -> str:
    return "old_admin" if op.legacy else CALLERS[op.reach]


WRITTEN = {"audit_log", "idempotent_request", "legacy_call"}
"""Tables that a refused call may write to: the record of the refusal, and counts of old calls, now and then."""
OF_ALL = {"/v2/enterprise/organizations/{org_id}/git/connections"}
"""Lists of the enterprise's things at the address of one organization."""
ASIDE = {"org_id", "tag"}
"""Path parts that the sweep calls with foreign values already, or that name no object."""
MISSING = PARTS | {"org_id": "org-" + "0" * 32, "event_ids": "event-0", "attachment_urls": PARTS["attachment_id"]}
MISSING |= {
    "pr_url": f"http://127.0.0.1:8400/organizations/{MISSING['org_id']}/pull-requests/{PARTS['pull_request_id']}"
}
FIELDS = {
    "knowledge_ids": "note_id", "folder_id": "folder_id", "parent_folder_id": "folder_id",
    "role_id": "role_id", "enterprise_role_id": "role_id", "create_as_user_id": "user_id",
    "message_as_user_id": "user_id", "attachment_urls": "attachment_urls", "devin_id": "devin_id",
    "event_ids": "event_ids", "org_id": "org_id", "session_ids": "devin_id", "user_ids": "user_id",
    "service_user_ids": "service_user_id", "secret_ids": "secret_id", "playbook_id": "playbook_id",
    "child_playbook_id": "playbook_id", "org_ids": "org_id",
    "profile_id": "profile_id", "scan_id": "scan_id",
    "guardrail_id": "guardrail_id", "session_id": "session_id",
    "outpost_pool_id": "outpost_id", "allowed_org_ids": "org_id",
    "pr_url": "pr_url", "schedule_id": "schedule_id", "run_as_user_id": "user_id", "target_devin_id": "devin_id",
}  # fmt: skip
"""Fields of queries and bodies that name objects, and the kind of thing that they name."""
OUTSIDE = {"acceptor_id", "url", "slack_channel_id", "slack_team_id", "snapshot_id"}
"""Fields for addresses elsewhere, and that name something in another service; or that are refused whatever they say."""
NAMING = re.compile(r"(^|_)(ids?|urls?)$")
SENT = re.compile(r"'[^']*'|\"[^\"]*\"|https?:\S+|[\w-]*[0-9a-f]{8}-?[0-9a-f-]{20,}|(secret|file)\.txt")
# Searches of the tenant's own count in its metrics: looking at everything is one.
PASSING = re.compile(
    r'"(last_used_at|request_id|expires_at|searches_(created_)?count|searches_started)": ?[^,}]+|expires=[^"]+'
)
"""What is different at every look."""
GATED = [op for op in TABLE if op.reach is not Reach.PUBLIC]
READS = [op for op in GATED if op.method == GET and op.output is not None]


def parts_of(op: Op) -> list[str]:
    """The path parts that name objects."""
    return [part for part in re.findall(r"{(\w+)}", op.address) if part not in ASIDE]


def fields_of(op: Op, place: str) -> set[str]:
    """The fields of an operation's query or body that name objects."""
    parameter = inspect.signature(op.handler, eval_str=True).parameters.get(place)
    fields = getattr(parameter.annotation, "model_fields", {}) if parameter else {}
    return {one for one in fields if NAMING.search(one)} - OUTSIDE


def test_every_part_and_field_that_names_an_object_is_known():
    """A row with a new kind of id fails here until `make_things` makes one."""
    assert {part for op in GATED for part in parts_of(op)} <= set(PARTS)
    assert {one for op in GATED for place in ("query", "body") for one in fields_of(op, place)} <= set(FIELDS)


class Tenants:
    """Our own things and those of the other tenant, and calls that name the one or the other."""

    def __init__(self, server: Any, tenant: str) -> None:
        self.server, self.tenant = server, tenant
        self.there = server.world.foreign_org if tenant == "elsewhere" else server.world.second_org
        self.own: Things = {}
        self.shared: Things = {}
        self.foreign: Things = {}

    async def make_own(self) -> None:
        self.own = await make_things(self.server, self.server.world.org, "org_admin", "enterprise_admin", "own")
        self.shared = await make_shared(self.server, "enterprise_admin")

    async def make_foreign(self) -> None:
        self.foreign = await make_things(self.server, self.there, *TENANTS[self.tenant], "foreign")

    def is_foreign(self, op: Op, part: str) -> bool:
        """Whether the other tenant's thing lies beyond the operation's reach."""
        if self.tenant == "elsewhere":
            return True
        if op.reach is Reach.IN_ENTERPRISE:
            return False  # it reaches the organization beside
        return part not in OF_ENTERPRISE | {"org_id"} and (part != "api_key_id" or op.reach is Reach.IN_ORG)

    async def ask(self, op: Op, parts: dict[str, str], **more: Any) -> httpx.Response:
        client = await self.server.client(caller_of(op))
        path = op.address.format(org_id=self.server.world.org, tag="a", **parts)
        files = {"file": ("a.txt", b"a")} if op.takes_file else None
        body = None if op.method == GET or files else self._body(op) | more.get("body", {})
        query = required(op, "query") | more.get("query", {})
        return await client.request(op.method, path, params=query, json=body, files=files)

    def _body(self, op: Op) -> dict[str, Any]:
        """The least body, with a role that may be given there: nothing but the id in question is wrong."""
        body, at_org = required(op, "body"), op.reach in {Reach.ENTERPRISE_ORG, Reach.IN_ORG}
        return {key: self.own["role_id"][at_org] if FIELDS.get(key) == "role_id" else body[key] for key in body}

    def own_parts(self, op: Op) -> dict[str, str]:
        own = self.own | self.shared if op.reach is Reach.IN_ENTERPRISE else self.own
        return {part: own[part][0] for part in parts_of(op)}

    def pairs(self, op: Op) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
        """Path parts with a foreign id and with an id of nothing, each part in turn: before it ours, behind it theirs.

        A file's name is no way to the file by itself.
        """
        parts = parts_of(op)
        for place, part in enumerate(parts):
            if part == "name" or not self.is_foreign(op, part):
                continue
            choices = [(self.own if at < place else self.foreign)[one] for at, one in enumerate(parts)]
            for chosen in product(*choices):
                named = dict(zip(parts, chosen, strict=True))
                yield named, {one: named[one] if at < place else MISSING[one] for at, one in enumerate(parts)}


@pytest.fixture(params=TENANTS)
def tenants(old_keys, request):
    return Tenants(old_keys, request.param)


async def contents(server: Any) -> dict[str, list[str]]:
    """Every row of every table that a refused call must leave as it is."""

    def unit(ctx: Any) -> dict[str, list[str]]:
        tables = [table for table in metadata.sorted_tables if table.name not in WRITTEN]
        shown = {one.name: [column for column in one.c if column.name != "last_used_at"] for one in tables}
        return {table: sorted(map(repr, ctx.db.execute(select(*columns)))) for table, columns in shown.items()}

    found: dict[str, list[str]] = await server.read(unit)
    return found


def told(answer: httpx.Response) -> tuple[int, str]:
    """What an answer says, apart from what the caller sent and the request's own number."""
    said = answer.json()
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if key not in {"request_id", "instance"}}
    return answer.status_code, SENT.sub("SENT", str(said))


async def test_a_foreign_id_in_a_path_answers_like_a_missing_one_and_changes_nothing(server, tenants):
    await tenants.make_own()
    await tenants.make_foreign()
    before, asked = await contents(server), set()
    for op in GATED:
        for foreign, missing in tenants.pairs(op):
            answer = await tenants.ask(op, foreign)
            assert answer.status_code == 404 or op.reach is Reach.SELF, f"{name(op)}: {answer.text}"
            assert told(answer) == told(await tenants.ask(op, missing)), name(op)
            asked.add(op.path)
    wanted = {op.path for op in GATED if any(tenants.is_foreign(op, part) for part in parts_of(op))}
    assert asked == wanted
    assert await contents(server) == before


async def test_a_foreign_id_in_a_query_or_body_answers_like_a_missing_one(server, tenants):
    await tenants.make_own()
    await tenants.make_foreign()
    before, asked = await contents(server), set()
    for op in GATED:
        for place, field in [(where, one) for where in ("query", "body") for one in sorted(fields_of(op, where))]:
            if not tenants.is_foreign(op, FIELDS[field]):
                continue
            for foreign in tenants.foreign[FIELDS[field]]:
                sent = [[one] if field.endswith("s") else one for one in (foreign, MISSING[FIELDS[field]])]
                answers = [await tenants.ask(op, tenants.own_parts(op), **{place: {field: one}}) for one in sent]
                assert answers[0].status_code in {400, 403, 404, 422} or op.method == GET, f"{name(op)}: {field}"
                assert told(answers[0]) == told(answers[1]), f"{name(op)}: {field}"
                asked.add(field)
    assert {"attachment_urls", "devin_id", "session_ids"} <= asked
    assert await contents(server) == before


async def looked_at(tenants: Tenants) -> dict[str, Any]:
    """All that our callers read, by address: pages with their totals, searches, single things."""
    found = {}
    for op in READS:
        if tenants.tenant == "beside" and (op.reach in {Reach.IN_ENTERPRISE, Reach.SELF} or op.path in OF_ALL):
            continue  # the enterprise sees what its other organizations do
        answer = await tenants.ask(op, tenants.own_parts(op))
        found[op.path] = (answer.status_code, PASSING.sub("", answer.text))
    return found


async def test_nothing_that_a_tenant_reads_changes_when_another_one_makes_things(tenants):
    await tenants.make_own()
    before = await looked_at(tenants)
    await tenants.make_foreign()
    assert await looked_at(tenants) == before
    unread = {path for path, (status, _) in before.items() if status != 200}
    assert {path.rpartition("/")[2] for path in unread} <= {
        "{pull_request_id}",
        "{name}",
        "pr-reviews",
    }  # no forge, a redirect


async def test_a_cursor_of_another_tenant_leads_to_nothing_of_theirs(server, tenants):
    """A cursor holds a place in an order, no right: behind it lie our own things only."""
    await tenants.make_own()
    await tenants.make_foreign()
    theirs = {**dict.fromkeys((Reach.IN_ORG, Reach.IN_HOME_ORG), TENANTS[tenants.tenant][0])}
    theirs |= dict.fromkeys((Reach.IN_ENTERPRISE, Reach.ENTERPRISE_ORG), TENANTS[tenants.tenant][1])
    tried = 0
    for op in [one for one in READS if one.reach in theirs and not parts_of(one)]:
        if tenants.tenant == "beside" and op.reach is Reach.IN_ENTERPRISE:
            continue
        client = await server.client(theirs[op.reach])
        page = (await client.get(op.address.format(org_id=tenants.there), params={"first": 1})).json()
        if not isinstance(page, dict) or not page.get("end_cursor"):
            continue
        shown = {str(one) for one in page["items"]}
        answer = await tenants.ask(op, {}, query={"after": page["end_cursor"], "first": 200})
        assert answer.status_code == 200, answer.text
        whole = (await tenants.ask(op, {}, query={"first": 200})).json()["items"]
        for one in answer.json()["items"]:
            assert one in whole
            assert str(one) not in shown
        tried += 1
    assert tried > 0
