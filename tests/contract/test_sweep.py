"""Every row of the table, called by everybody who must not: a new row is covered by being a row."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import RootModel

from cogmill.access.context import Runtime
from cogmill.access.permissions import Permission as P
from cogmill.access.principals import Authenticator
from cogmill.api.operations import GET, POST, Op
from cogmill.api.table import TABLE
from cogmill.kit.clock import system_clock
from cogmill.kit.crypto import Keyring
from cogmill.kit.db import open_database
from cogmill.kit.settings import Settings
from cogmill.web.guard import Reach

from ..factories import REFUSED_KEYS

PARTS = {
    "note_id": "note-0", "folder_id": "folder-0",
    "devin_id": "devin-" + "0" * 32, "session_id": "devin-" + "0" * 32,
    "group_name": "a", "permission_id": "git-permission-0", "snapshot_id": "build-0",
    "uuid": "00000000-0000-4000-8000-000000000000", "name": "file.txt",
    "attachment_id": "00000000-0000-4000-8000-000000000000", "pull_request_id": "pr-" + "0" * 32,
    "tag": "a", "user_id": "user-0", "service_user_id": "service-user-0", "idp_group_name": "a", "role_id": "role-0",
    "api_key_id": "api-key-0", "secret_id": "secret-0", "playbook_id": "playbook-0",
    "automation_id": "automation-0", "hook_id": "0", "webhook_id": "webhook-0", "delivery_id": "msg-0",
    "repository_path": "acme/none", "branch_name": "none",
    "connection_id": "git-connection-0", "git_permission_id": "git-permission-0",
    "outpost_id": "outpost_env-0",
    "scan_id": "scan-0", "finding_id": "finding-0", "profile_id": "scan-profile-0",
    "schedule_id": "sched-0", "guardrail_id": "guardrail-0",
    "blueprint_id": "blueprint-0", "file_id": "file-0", "build_id": "build-0",
}  # fmt: skip
PUBLIC_ANSWERS = {
    "healthz": 200, "readyz": 200, "metrics": 200, "openapi": 200, "docs": 200,
    "index_page": 200, "session_page": 200, "pull_request_page": 200, "statistics_page": 200,
    "sign_in_page": 200, "invitation_page": 200, "sign_in": 401, "accept_invitation": 404,
    "sign_in_options": 200, "begin_oidc": 404, "finish_oidc": 404,
    "receive_git_webhook": 403, "attachment_file": 403, "trigger_automation": 401, "asset": 404, "swagger": 404,
    "blueprint_text": 403, "build_log": 403,
}  # fmt: skip
"""What public rows answer to nobody: a row that is not listed must be listed on purpose."""
GATED = [op for op in TABLE if op.reach is not Reach.PUBLIC and op.legacy is None]
"""Those of the old APIs have keys of their own, and their own sweep: test_legacy.py."""
IN_ORG = [op for op in GATED if op.reach is Reach.IN_ORG]
ENTERPRISE_ORG = [op for op in GATED if op.reach is Reach.ENTERPRISE_ORG]
ENTERPRISE = [op for op in GATED if op.reach is Reach.IN_ENTERPRISE] + ENTERPRISE_ORG
HOME = [op for op in GATED if op.reach is Reach.IN_HOME_ORG]
TENANT = IN_ORG + HOME


def name(op: Op) -> str:
    return f"{op.method} {op.path}"


def rows(ops: list[Op]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("op", ops, ids=name)


def plain_runtime() -> Runtime:
    keyring, database = Keyring(bytes(32)), open_database("sqlite://")
    return Runtime(
        Settings(data=Path("/nonexistent")), database, keyring, Authenticator(database, keyring), system_clock
    )


BESIDES = {"create_guardrail": {"pattern": "a"}}
"""What a body must have by a rule that its schema cannot say."""
SAMPLES = {
    "tags": ["a"], "groups": {}, "emails": ["a@example.org"], "idp_group_names": ["a"], "ttl_seconds": 60,
    "ip_ranges": ["127.0.0.1"], "role_type": "enterprise", "permissions": [],
    "repositories": [], "repository_paths": [],
    "url": "https://example.org/hook", "triggers": [{"event_type": "webhook:incoming"}], "run_as": "organization",
    "actions": [{"type": "start_session", "prompt": "a"}], "type": "key-value",
    "user_ids": [], "org_ids": [], "repo_names": [], "repo_path": "https://example.org/a/b",
    "group_names": [], "start_date": "2026-01-01", "end_date": "2026-01-31",
    "time_after": 0, "time_before": 1,
    "target": "command", "action": "warn", "cycle_acu_limit": 1000,
    "pr_url": "http://127.0.0.1:8400/organizations/org-0/pull-requests/pr-0",
    "password": "a" * 12, "new_password": "a" * 12, "git_provider_type": "github_token",
}  # fmt: skip
"""Values of required inputs; any other one is the text "a"."""


def required(op: Op, part: str) -> Any:
    """The smallest query or body that the operation's model takes."""
    annotation = inspect.signature(op.handler, eval_str=True).parameters.get(part)
    if annotation is None or not hasattr(annotation.annotation, "model_fields"):
        return {}
    if issubclass(annotation.annotation, RootModel):
        return []
    fields = annotation.annotation.model_fields.items()
    besides = BESIDES.get(op.id, {}) if part == "body" else {}
    return {name: SAMPLES.get(name, "a") for name, field in fields if field.is_required()} | besides


@dataclass
class Calls:
    server: object

    async def __call__(self, op: Op, caller: str, org: str | None = None) -> httpx.Response:
        """Call a row with the least input that is well-formed."""
        client = await self.server.client(caller)
        path = op.address.format(org_id=org or self.server.world.org, **PARTS)
        if op.takes_file:
            query = required(op, "query")
            return await client.request(op.method, path, params=query, files={"file": ("a.txt", b"a")})
        body = None if op.method == GET else required(op, "body")
        return await client.request(op.method, path, params=required(op, "query"), json=body)


@pytest.fixture
def call(server):
    return Calls(server)


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert isinstance(problem["detail"], str)
    assert problem["request_id"] == answer.headers["x-request-id"]


@rows([op for op in TABLE if op.reach is Reach.PUBLIC])
@pytest.mark.one_database
async def test_nobody_on_a_public_row(call, op):
    answer = await call(op, "nobody")
    assert PUBLIC_ANSWERS[op.id] == answer.status_code, answer.text


async def test_nobody(call):
    for op in GATED:
        answer = await call(op, "nobody")
        assert_problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("caller", REFUSED_KEYS)
async def test_keys_that_do_not_work(call, caller):
    for op in GATED:
        assert_problem(await call(op, caller), 401)


@pytest.mark.parametrize("token", ["", "cog_", "cog_" + "a" * 51, "apk_user_x", "apk_x", "cog_" + "ä" * 52, "x" * 5000])
@pytest.mark.one_database
async def test_tokens_that_are_none(server, token):
    client = await server.client()
    for op in (GATED[0], IN_ORG[0]):
        path = op.address.format(org_id=server.world.org, **PARTS)
        header = f"Bearer {token}".encode()
        assert_problem(await client.request(op.method, path, headers={"authorization": header}), 401)


@pytest.mark.parametrize("caller", ["stranger", "foreigner", "foreign_admin", "outsider"])
async def test_a_stranger_to_the_organization(call, caller):
    for op in IN_ORG:
        assert_problem(await call(op, caller), 403)


@pytest.mark.parametrize("caller", ["org_admin", "person", "enterprise_admin"])
async def test_an_unknown_organization_answers_like_a_foreign_one(call, caller):
    for op in IN_ORG:
        unknown = await call(op, caller, "org-" + "0" * 32)
        foreign = await call(op, caller, call.server.world.foreign_org)
        assert_problem(unknown, 403)
        assert_problem(foreign, 403)
        org = call.server.world.foreign_org
        assert unknown.json()["detail"].replace("org-" + "0" * 32, org) == foreign.json()["detail"]


async def test_an_enterprise_path_takes_only_permissions_of_an_enterprise_role(call):
    for caller in ("org_admin", "person_of_two", "stranger", "enterprise_member"):
        for op in ENTERPRISE:
            answer = await call(op, caller)
            assert_problem(answer, 403)
            assert op.permissions[0] in answer.json()["detail"]


async def test_an_enterprise_path_hides_foreign_organizations(call):
    for op in ENTERPRISE_ORG:
        unknown = await call(op, "enterprise_admin", "org-" + "0" * 32)
        foreign = await call(op, "enterprise_admin", call.server.world.foreign_org)
        assert_problem(unknown, 403)
        assert_problem(foreign, 403)
        org = call.server.world.foreign_org
        assert unknown.json()["detail"].replace("org-" + "0" * 32, org) == foreign.json()["detail"]


async def test_an_enterprise_administrator_gets_past_the_guard(call):
    for op in ENTERPRISE:
        answer = await call(op, "enterprise_admin")
        assert answer.status_code in {200, 201, 204, 400, 404, 409}, f"{name(op)}: {answer.text}"


async def test_a_deleted_organization_is_absent_for_its_enterprise(call):
    for op in IN_ORG + ENTERPRISE_ORG:
        answer = await call(op, "enterprise_admin", call.server.world.deleted_org)
        assert answer.status_code == 404, f"{name(op)}: {answer.text}"


@pytest.mark.parametrize("caller", ["deepwiki", "wiki_person", "reader"])
async def test_a_member_without_the_right(call, caller):
    held = {P.READ} if caller == "reader" else {P.READ, P.VIEW_ORG_WIKI, P.USE_ASK_DEVIN, P.INDEX_ORG_REPOSITORIES}
    for op in [one for one in TENANT if held.isdisjoint(one.permissions)]:
        answer = await call(op, caller)
        assert_problem(answer, 403)
        assert op.permissions[0] in answer.json()["detail"]


async def test_an_enterprise_member_without_organizations(call):
    for op in IN_ORG:
        assert_problem(await call(op, "enterprise_member"), 403)
    for op in HOME:
        assert_problem(await call(op, "enterprise_member"), 400)


async def test_who_reaches_several_organizations_must_name_one(call):
    for caller in ("enterprise_admin", "person_of_two"):
        for op in HOME:
            assert_problem(await call(op, caller), 400)


@pytest.mark.parametrize("caller", ["viewer", "manager", "session_user"])
async def test_who_holds_one_permission_passes_exactly_the_rows_that_name_it(call, caller):
    held = {"viewer": {P.VIEW_ORG_SESSIONS}, "manager": {P.MANAGE_ORG_SESSIONS, P.VIEW_ORG_SESSIONS}}
    held["session_user"] = {P.USE_DEVIN_SESSIONS}
    held[caller].add(P.READ)  # every permission of an organization includes it
    for op in TENANT:
        answer = await call(op, caller)
        may = not held[caller].isdisjoint(op.permissions)
        assert (answer.status_code != 403) == may, f"{name(op)}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500


@pytest.mark.parametrize("caller", ["org_admin", "enterprise_admin"])
async def test_an_administrator_gets_past_the_guard_everywhere(call, caller):
    for op in IN_ORG:
        answer = await call(op, caller)
        assert answer.status_code in {200, 201, 400, 404}, f"{name(op)}: {answer.text}"


def test_a_row_without_a_permission_does_not_build():
    with pytest.raises(ValueError, match="without a permission"):
        Op("x", GET, "/x", Reach.IN_ORG, (), lambda ctx: None, None)


def test_a_row_is_public_in_both_columns_or_in_none():
    with pytest.raises(ValueError, match="go together"):
        Op("x", GET, "/x", Reach.IN_ORG, (P.PUBLIC,), lambda ctx: None, None)
    with pytest.raises(ValueError, match="go together"):
        Op("x", GET, "/x", Reach.PUBLIC, (P.READ,), lambda ctx: None, None)


def test_a_changing_row_names_its_audit_action():
    with pytest.raises(ValueError, match="audit"):
        Op("x", POST, "/x", Reach.IN_ORG, (P.READ,), lambda ctx: None, None)
