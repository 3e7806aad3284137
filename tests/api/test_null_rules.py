"""What PATCH and PUT do with a field that is left out, and with null, for every resource that is changed so.

A field that is left out stays as it was. Null clears what may be empty; elsewhere it says nothing, or is refused, and
then nothing at all is changed. Only pin and folder of a note are taken away by being left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogmill.api.table import TABLE
from cogmill.domain.code_scans.schemas import GUIDANCE
from cogmill.scm.forge import LocalForge
from tests.contract.facts import our_document, variants
from tests.contract.things import make_scan, ok

CLEARS, SAYS_NOTHING, REFUSED, IMPOSSIBLE = "clears", "says nothing", "refused with 422", "refused with 400"
WORDS = st.text("abcdefghijklmnopqrstuvwxyz ", min_size=1, max_size=12).map(lambda text: f"w{text.strip()}")
ACUS = st.integers(1, 500)
NEVER = st.nothing()
Merge = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Field:
    """How one field behaves."""

    values: st.SearchStrategy[Any]
    null: str
    left_out: str = SAYS_NOTHING
    is_required: bool = False
    empty: Any = None
    """What is shown once it is cleared."""
    merge: Merge = lambda _before, sent: sent
    """What is shown of a value, from what was shown and what was sent."""
    is_shown: bool = True
    shown_as: str | None = None


@dataclass(frozen=True)
class Resource:
    """One kind of thing, how one of it is made, and its fields."""

    operations: tuple[str, ...]
    path: str
    id_name: str
    first: dict[str, Any]
    fields: dict[str, Field]
    caller: str = "enterprise_admin"
    made_at: str | None = None
    """Where one is made, if not at the path's parent."""
    listed_at: str | None = None
    """The list that shows it, where it cannot be asked for alone."""
    read_at: str | None = None
    """Where one is read, if not at its own address."""
    found_by: Callable[[Any, Any], Any] | None = None
    """Makes one where no operation does; answers its id."""
    settings: dict[str, Any] = field(default_factory=dict)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, as it is written there."""
    if isinstance(patch, dict):
        target = dict(target) if isinstance(target, dict) else {}
        for name, value in patch.items():
            if value is None:
                target.pop(name, None)
            else:
                target[name] = merge_patch(target.get(name), value)
        return target
    return patch


def merge_by(key: str) -> Merge:
    """Elements that are sent merge onto those of their type; no list here has two of one."""

    def merged(before: Any, sent: Any) -> Any:
        known = {one[key]: one for one in before}
        return [merge_patch(known.get(one[key]), one) for one in sent]

    return merged


def bare(found: Any) -> Any:
    """Without members that are null, and without the empty list of replies that every trigger has."""
    if isinstance(found, dict):
        return {name: bare(value) for name, value in found.items() if value is not None and value != []}
    return [bare(one) for one in found] if isinstance(found, list) else found


def member(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def only(operator: str, value: Any) -> dict[str, Any]:
    return {"any": [{"all": [{"field": "body.a", "operator": operator, "value": value}]}]}


HOOKS = st.fixed_dictionaries(
    {"event_type": st.just("webhook:incoming")},
    optional={"conditions": member(st.integers(0, 9).map(lambda n: only("equals", n)))},
)
ENDS = st.fixed_dictionaries({"event_type": st.just("session:ended")}, optional={"conditions": st.none()})
TRIGGERS = st.sampled_from([(HOOKS,), (HOOKS, ENDS)]).flatmap(lambda kinds: st.tuples(*kinds)).map(list)
WINDOWS = st.fixed_dictionaries({"max_per_window": ACUS, "window_seconds": st.integers(60, 900)})
LIMITS = st.fixed_dictionaries({}, optional={"max_acu_limit": member(ACUS), "invocations": member(WINDOWS)})
SETTINGS = st.fixed_dictionaries({}, optional={"title": member(WORDS), "max_acu_limit": member(ACUS)})
ACTIONS = st.fixed_dictionaries(
    {"type": st.just("start_session"), "prompt": WORDS}, optional={"session": member(SETTINGS)}
)


def automation(merges: bool) -> Resource:
    deep: Merge = merge_patch if merges else lambda _before, sent: sent

    def by(key: str) -> Merge:
        return merge_by(key) if merges else lambda _before, sent: sent

    members = st.dictionaries(st.sampled_from("abc"), member(WORDS) if merges else WORDS, max_size=3)
    atmost = st.fixed_dictionaries({}, optional={"max_concurrent_runs": member(ACUS), "max_queue_depth": member(ACUS)})
    return Resource(
        ("update_automation",), "/v3/organizations/{org}/automations", "automation_id",
        {
            "triggers": [{"event_type": "webhook:incoming", "conditions": only("equals", 1)}], "name": "First",
            "actions": [{"type": "start_session", "prompt": "Go.", "session": {"tags": ["x"]}}],
            "run_as": "organization", "metadata": {"a": "1"}, "limits": {"max_acu_limit": 5},
        },
        {
            "triggers": Field(TRIGGERS, REFUSED, merge=by("event_type")),
            "actions": Field(ACTIONS.map(lambda one: [one]), REFUSED, merge=by("type")),
            "run_as": Field(st.just("organization"), REFUSED), "enabled": Field(st.booleans(), REFUSED),
            "name": Field(WORDS, CLEARS, empty="Untitled automation"),
            "metadata": Field(members, CLEARS if merges else IMPOSSIBLE, empty={}, merge=deep),
            "limits": Field(LIMITS, CLEARS, merge=deep), "concurrency": Field(atmost, CLEARS, merge=deep),
            "session_settings": Field(SETTINGS, CLEARS, merge=deep),
            "notifications": Field(st.just({"email": {"when": "never"}}), CLEARS, merge=deep),
            "tools": Field(NEVER, CLEARS),
        },
        "org_admin", settings={"automation_updates": "merge_patch" if merges else "replace_groups"},
    )  # fmt: skip


def webhook(operation: str, path: str, caller: str) -> Resource:
    kinds = st.lists(st.sampled_from(["session.finished", "session.error", "pull_request.*"]), min_size=1, unique=True)
    return Resource(
        (operation,), path, "webhook_id", {"url": "https://example.org/a", "event_types": ["session.finished"]},
        {
            "url": Field(WORDS.map(lambda word: f"https://example.org/{word.replace(' ', '-')}"), REFUSED),
            "event_types": Field(kinds, CLEARS), "description": Field(WORDS, CLEARS),
            "is_enabled": Field(st.booleans(), REFUSED),
        },
        caller,
    )  # fmt: skip


def folder(operation: str, place: str) -> Resource:
    return Resource(
        (operation,), f"/cogmill/v1/{place}/knowledge/folders", "folder_id", {"name": "First"},
        {
            "name": Field(WORDS, SAYS_NOTHING), "is_enabled": Field(st.booleans(), SAYS_NOTHING),
            "parent_folder_id": Field(st.just("{other}"), CLEARS),
        },
        listed_at=f"/v3/{place}/knowledge/folders",
    )  # fmt: skip


def note(operation: str, place: str, folder_place: str) -> Resource:
    return Resource(
        (operation,), f"/v3/{place}/knowledge/notes", "note_id",
        {
            "name": "First", "body": "Text.", "trigger": "when", "folder_id": "{folder}", "pinned_repo": "acme/app",
            "macro": "!one",
        },
        {
            "name": Field(WORDS, REFUSED, is_required=True), "body": Field(WORDS, REFUSED, is_required=True),
            "trigger": Field(WORDS, REFUSED, is_required=True),
            "folder_id": Field(st.just("{folder}"), CLEARS, left_out=CLEARS),
            "pinned_repo": Field(st.sampled_from(["acme/app", "all"]), CLEARS, left_out=CLEARS),
            "is_enabled": Field(st.booleans(), SAYS_NOTHING),
            "macro": Field(st.sampled_from(["!one", "!two"]), CLEARS),
        },
        made_at=folder_place,
    )  # fmt: skip


def playbook(operation: str, place: str) -> Resource:
    schema = {"type": "object"}
    return Resource(
        (operation,), f"/v3/{place}/playbooks", "playbook_id",
        {"title": "First", "body": "Text.", "macro": "!one", "structured_output_schema": schema},
        {
            "title": Field(WORDS, REFUSED, is_required=True), "body": Field(WORDS, REFUSED, is_required=True),
            "macro": Field(st.sampled_from(["!one", "!two"]), CLEARS),
            "structured_output_schema": Field(st.just(schema), CLEARS),
        },
    )  # fmt: skip


def scan_profile(operation: str, place: str) -> Resource:
    texts = [one for one in GUIDANCE if one != "triage_guidance"]
    globs = st.lists(st.sampled_from(["src/**", "*.py"]), min_size=1, unique=True)
    return Resource(
        (operation,), f"/cogmill/v1/{place}/code-scans/profiles", "profile_id",
        {"name": "First", "description": "d", "include_globs": ["a"], "triage_guidance": "t"},
        {
            "name": Field(WORDS, REFUSED), "mode": Field(st.sampled_from(["discover", "ingest"]), REFUSED),
            "scan_type": Field(st.sampled_from(["general", "security"]), REFUSED),
            "description": Field(WORDS, CLEARS), "include_globs": Field(globs, CLEARS),
            "exclude_globs": Field(globs, CLEARS), "triage_guidance": Field(WORDS, CLEARS),
            **{name: Field(WORDS, CLEARS) for name in texts},
        },
        read_at=f"/v3/{place}/code-scans/profiles",
    )  # fmt: skip


async def find_something(server: Any, client: Any) -> Any:
    """A finding of a scan."""
    await LocalForge(server.runtime.settings.data / "forge" / server.world.org).create("acme/app")
    return (await make_scan(server, client, server.world.org, "acme/app"))["finding_id"][0]


def schedule(first: dict[str, Any], fields: dict[str, Field]) -> Resource:
    return Resource(
        ("update_schedule",), "/v3/organizations/{org}/schedules", "scheduled_session_id",
        {"name": "First", "prompt": "Go.", "tags": ["a"], "platform": "linux", **first},
        {
            "name": Field(WORDS, SAYS_NOTHING), "prompt": Field(WORDS, SAYS_NOTHING),
            "agent": Field(st.sampled_from(["devin", "data_analyst"]), SAYS_NOTHING),
            "interval_count": Field(ACUS, SAYS_NOTHING), "playbook_id": Field(NEVER, CLEARS, is_shown=False),
            "tags": Field(st.lists(WORDS, max_size=3, unique=True), CLEARS),
            "platform": Field(st.just("linux"), CLEARS),
            "notify_on": Field(st.sampled_from(["always", "failure", "never"]), SAYS_NOTHING),
            "overlap": Field(st.sampled_from(["skip", "allow"]), SAYS_NOTHING),
            "slack_channel_id": Field(WORDS, CLEARS), "slack_team_id": Field(WORDS, CLEARS),
            "enabled": Field(st.booleans(), SAYS_NOTHING), "run_as_user_id": Field(NEVER, CLEARS),
            "target_devin_id": Field(NEVER, CLEARS), "bypass_approval": Field(st.booleans(), SAYS_NOTHING), **fields,
        },
        "org_admin",
    )  # fmt: skip


ORG = "organizations/{org}"
OTHER_CREDENTIALS = ("app", "installation", "private_key", "username", "password", "known_hosts")
UNUSED = {name: Field(NEVER, SAYS_NOTHING, is_shown=False) for name in OTHER_CREDENTIALS}
RESOURCES = {
    "organization": Resource(
        ("update_organization",), "/v3/enterprise/organizations", "org_id",
        {"name": "First", "max_session_acu_limit": 3, "max_cycle_acu_limit": 4},
        {
            "name": Field(WORDS, SAYS_NOTHING), "max_session_acu_limit": Field(ACUS, CLEARS),
            "max_cycle_acu_limit": Field(ACUS, CLEARS),
        },
    ),
    "folder": folder("organization_update_folder", ORG),
    "shared folder": folder("enterprise_update_folder", "enterprise"),
    "note": note("organization_update_note", ORG, f"/cogmill/v1/{ORG}/knowledge/folders"),
    "shared note": note("enterprise_update_note", "enterprise", "/cogmill/v1/enterprise/knowledge/folders"),
    "playbook": playbook("organization_update_playbook", ORG),
    "shared playbook": playbook("enterprise_update_playbook", "enterprise"),
    "blueprint": Resource(
        ("update_organization_blueprint",), f"/v3beta1/{ORG}/snapshot-setup/blueprints", "blueprint_id",
        {"contents": "initialize: 'true'"},
        {
            "contents": Field(WORDS.map(lambda word: f"initialize: 'echo {word}'"), SAYS_NOTHING),
            "position": Field(NEVER, SAYS_NOTHING, is_shown=False),
        },
    ),
    "git connection": Resource(
        ("update_git_connection",), "/cogmill/v1/enterprise/git-connections", "git_connection_id",
        {"git_provider_type": "github_token", "token": "t-1", "name": "First"},
        {
            "name": Field(WORDS, CLEARS), "token": Field(st.just("t-2"), SAYS_NOTHING, is_shown=False), **UNUSED,
        },
        listed_at="/v3/enterprise/git-providers/connections",
    ),
    "git permission": Resource(
        ("update_organization_git_permission",), f"/v3/enterprise/{ORG}/git-providers/permissions", "git_permission_id",
        {"permissions": [{"git_connection_id": "{connection}", "repo_path": "acme/app"}]},
        {"read_only": Field(st.booleans(), SAYS_NOTHING)},
        listed_at=f"/v3/enterprise/{ORG}/git-providers/permissions",
    ),
    "role": Resource(
        ("update_role",), "/cogmill/v1/enterprise/roles", "role_id",
        {"name": "First", "role_type": "org", "permissions": ["ViewOrgSessions"]},
        {
            "name": Field(WORDS, SAYS_NOTHING, shown_as="role_name"),
            "permissions": Field(st.sampled_from([[], ["ViewOrgSessions"], ["ViewOrgMetrics"]]), SAYS_NOTHING),
        },
        listed_at="/cogmill/v1/enterprise/roles",
    ),
    "schedule": schedule(
        {"frequency": "0 3 * * *"},
        {
            "frequency": Field(st.sampled_from(["0 4 * * *", "5 5 * * 1"]), IMPOSSIBLE),
            "scheduled_at": Field(NEVER, CLEARS), "schedule_type": Field(st.just("recurring"), SAYS_NOTHING),
        },
    ),
    "one-time schedule": schedule(
        {"schedule_type": "one_time", "scheduled_at": "2099-01-01T09:00:00Z"},
        {
            "scheduled_at": Field(st.sampled_from(["2098-01-01T09:00:00Z", "2099-05-01T09:00:00Z"]), IMPOSSIBLE),
            "frequency": Field(NEVER, CLEARS), "schedule_type": Field(st.just("one_time"), SAYS_NOTHING),
        },
    ),
    "automation, merge patch": automation(merges=True),
    "automation, whole groups": automation(merges=False),
    "guardrail": Resource(
        ("update_guardrail",), "/cogmill/v1/enterprise/guardrails", "guardrail_id",
        {"name": "First", "target": "command", "pattern": "never", "action": "warn"},
        {
            "name": Field(WORDS, REFUSED), "target": Field(st.sampled_from(["command", "prompt"]), REFUSED),
            "pattern": Field(WORDS, REFUSED), "judgement": Field(NEVER, CLEARS),
            "action": Field(st.sampled_from(["warn", "block"]), REFUSED), "is_enabled": Field(st.booleans(), REFUSED),
            "when_unanswered": Field(st.sampled_from(["act", "pass"]), REFUSED),
        },
    ),
    "profile of scans": scan_profile("update_organization_code_scan_profile", ORG),
    "shared profile of scans": scan_profile("update_enterprise_code_scan_profile", "enterprise"),
    "finding": Resource(
        ("update_organization_code_scan_finding",), f"/cogmill/v1/{ORG}/code-scans/findings", "finding_id", {},
        {
            "status": Field(st.sampled_from(["open", "dismissed", "resolved"]), REFUSED), "note": Field(WORDS, CLEARS),
        },
        listed_at=f"/v3/{ORG}/code-scans/findings", found_by=find_something,
    ),
    "webhook": webhook("update_organization_webhook", f"/cogmill/v1/{ORG}/webhooks", "org_admin"),
    "shared webhook": webhook("update_enterprise_webhook", "/cogmill/v1/enterprise/webhooks", "enterprise_admin"),
}  # fmt: skip
ROLES_OF_MEMBERS = {
    one.id: one for one in TABLE if one.method == "PATCH" and one.id.endswith("_role") and one.id != "update_role"
}
"""They change one thing, which must be there."""
OPERATIONS = {one.id: one for one in TABLE if one.legacy is None and one.method in {"PATCH", "PUT"}}


def test_every_patch_is_in_the_table():
    known = {operation for one in RESOURCES.values() for operation in one.operations} | set(ROLES_OF_MEMBERS)
    assert known >= {name for name, one in OPERATIONS.items() if one.method == "PATCH"}
    assert known <= set(OPERATIONS)


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
def test_every_field_of_the_body_is_in_the_table(resource):
    for name in resource.operations:
        one = OPERATIONS[name]
        content = our_document()["paths"][one.path][one.method.lower()]["requestBody"]["content"]
        (body,) = variants(content["application/json"]["schema"])
        assert set(body["properties"]) == set(resource.fields)
        assert set(body.get("required", [])) == {name for name, one in resource.fields.items() if one.is_required}


class Thing:
    """One of a resource, made over HTTP."""

    def __init__(self, server: Any, resource: Resource) -> None:
        self.server, self.resource = server, resource
        self.names = {"{org}": server.world.org}

    def named(self, given: Any) -> Any:
        """With real ids in the place of their names."""
        if isinstance(given, str):
            for name, real in self.names.items():
                given = given.replace(name, real)
            return given
        if isinstance(given, dict):
            return {name: self.named(value) for name, value in given.items()}
        return [self.named(one) for one in given] if isinstance(given, list) else given

    async def make(self) -> "Thing":
        self.client = await self.server.client(self.resource.caller)
        base = self.named(self.resource.path)
        if self.resource.made_at is not None:
            made = await ok(self.client.post(self.named(self.resource.made_at), json={"name": "Folder"}))
            self.names["{folder}"] = made["folder_id"]
        if "parent_folder_id" in self.resource.fields:
            self.names["{other}"] = (await ok(self.client.post(base, json={"name": "Other"})))["folder_id"]
        if "permissions" in self.resource.first and "read_only" in self.resource.fields:
            kind = {"git_provider_type": "github_token", "token": "t-1"}
            made = await ok(self.client.post("/cogmill/v1/enterprise/git-connections", json=kind))
            self.names["{connection}"] = made["git_connection_id"]
        if self.resource.found_by is not None:
            self.id = await self.resource.found_by(self.server, self.client)
            self.path = f"{base}/{self.id}"
            return self
        made = await ok(self.client.post(base, json=self.named(self.resource.first)))
        self.id = (made[0] if isinstance(made, list) else made)[self.resource.id_name]
        self.path = f"{base}/{self.id}"
        return self

    async def read(self) -> dict[str, Any]:
        if self.resource.listed_at is None:
            at = self.path if self.resource.read_at is None else f"{self.named(self.resource.read_at)}/{self.id}"
            found = await ok(self.client.get(at))
        else:
            answer = await ok(self.client.get(self.named(self.resource.listed_at)))
            items = answer.get("items", answer.get("folders"))
            (found,) = [one for one in items if one[self.resource.id_name] == self.id]
        if "contents" in self.resource.fields:
            link = await ok(self.client.get(f"{self.path}/contents"))
            found["contents"] = (await self.client.get("/" + link["url"].split("/", 3)[3])).text
        return {name: found[one.shown_as or name] for name, one in self.resource.fields.items() if one.is_shown}

    def expected(self, before: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        after = dict(before)
        for name, value in before.items():
            rule = self.resource.fields[name]
            if sent.get(name) is not None:
                after[name] = rule.merge(bare(value), sent[name])
            elif (rule.null if name in sent else rule.left_out) == CLEARS:
                after[name] = rule.empty
        return after


@pytest.fixture(
    params=[pytest.param(one, marks=pytest.mark.settings(**one.settings)) for one in RESOURCES.values()], ids=RESOURCES
)
def resource(request):
    return request.param


@pytest.fixture
async def thing(resource, server):
    return await Thing(server, resource).make()


@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_left_out_stays_and_null_clears_or_is_refused(thing, data):
    fields = thing.resource.fields
    needed = {name: one.values for name, one in fields.items() if one.is_required}
    others = {name: st.none() | one.values for name, one in fields.items() if not one.is_required}
    sent = thing.named(data.draw(st.fixed_dictionaries(needed, optional=others)))
    if needed and data.draw(st.integers(0, 9)) == 0:
        sent[data.draw(st.sampled_from(sorted(needed)))] = None
    before = await thing.read()
    method = OPERATIONS[thing.resource.operations[0]].method
    answer = await thing.client.request(method, thing.path, json=sent)
    after = await thing.read()
    nulls = {fields[name].null for name, value in sent.items() if value is None}
    if not nulls & {REFUSED, IMPOSSIBLE}:
        assert answer.status_code == 200, answer.text
        assert bare(after) == bare(thing.expected(before, sent))
        return
    assert answer.status_code in ({422} if REFUSED in nulls else {400}), answer.text
    assert after == before


@pytest.mark.parametrize("operation", ROLES_OF_MEMBERS.values(), ids=ROLES_OF_MEMBERS)
async def test_the_role_of_a_member_is_never_nothing(server, operation):
    client = await server.client("enterprise_admin")
    path = operation.path.replace("{org_id}", server.world.org)
    for part in ("{user_id}", "{service_user_id}", "{idp_group_name:path}"):
        path = path.replace(part, "somebody")
    for body in ({}, {"role_id": None}):
        assert (await client.patch(path, json=body)).status_code == 422
