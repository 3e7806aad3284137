"""The table and our API document against the contract's facts, both ways."""

import re
from typing import Any

import pytest

from cogmill.api.table import TABLE
from cogmill.web.guard import Reach

from .facts import OPERATIONS, SHAPES, ids, is_nullable, our_document, ours, properties, values

OWN_SESSIONS = {"UseDevinSessions"}
"""Accepted besides the contract's permissions: it reaches the caller's own sessions only."""
MORE_INPUT = {
    "organization_create_note": {"macro"},
    "organization_update_note": {"macro"},
    "enterprise_create_note": {"macro"},
    "enterprise_update_note": {"macro"},
    "create_session": {"agent", "playbook", "recording", "devin_mode"},
    "create_secret": {"access_type", "repository"},
    "create_schedule": {"overlap"},
    **{
        f"{doing}_{place}_code_scan{rest}{version}": fields
        for place in ("organization", "enterprise_organization")
        for version in ("", "_v3beta1")
        for doing, rest, fields in (("schedule", "", {"frequency", "enabled"}), ("set", "_profile", {"profile_id"}))
    },
    "trigger_snapshot_build": {"partial"},
    "update_schedule": {"overlap"},
}
MORE_OUTPUT = {
    "code_scan": {
        "session_id",
        "scan_type",
        "mode",
        "commit_sha",
        "error",
        "auto_scan",
        "problems",
        "repeated_scan_id",
    },
    "folder_tree.folders": {"is_enabled", "access_type"},
    "build": {"failed_step", "base_build_id"},
    "session_insights.analysis": {"made_by", "made_at"},
    "automation": {"created_at", "created_by", "updated_at", "updated_by", "next_run_at"},
    "automation_schemas": {"events", "actions"},
    "pr_review": {"session_id", "detail", "report"},
    "secret": {"repository"},
    "schedule": {"overlap", "run_as_user_id", "next_run_at"},
}
MORE_VALUES = {"git_connection.git_provider_type": {"gitea_token", "git_https", "git_ssh"}}
"""Fields and values that are ours, or newer than the contract's document."""
SMALLER_PAGES = {"list_git_connection_repositories": 100}
"""Where the contract has a smaller page than everywhere else."""
CONTRACT_ROWS = [op for op in TABLE if op.path.startswith(("/v3/", "/v3beta1/", "/opbeta/")) and not op.extension]
each = pytest.mark.parametrize("fact", OPERATIONS, ids=ids())


def test_every_contract_address_of_the_table_is_in_the_contract():
    known = {(fact["method"], fact["path"], fact["operation"]) for fact in OPERATIONS}
    served = {(op.method, op.address, op.id) for op in CONTRACT_ROWS if op.reach is not Reach.IN_HOME_ORG}
    assert served == known


def test_an_address_without_an_organization_is_the_twin_of_one_with_it():
    full = {(op.method, op.path.replace("/{org_id}", "", 1)): op for op in TABLE if op.reach is Reach.IN_ORG}
    short = [op for op in TABLE if op.reach is Reach.IN_HOME_ORG]
    assert short
    for op in short:
        twin = full[op.method, op.path]
        assert (op.id, op.permissions, op.handler, op.output, op.audit, op.status) == (
            twin.id, twin.permissions, twin.handler, twin.output, twin.audit, twin.status,
        )  # fmt: skip


def test_no_route_outside_the_table():
    from cogmill.api.app import create_app
    from tests.contract.test_sweep import plain_runtime

    every = create_app(plain_runtime(), TABLE).routes
    served = [route for route in every if hasattr(route, "methods")]
    assert {(method, one.path) for one in served for method in one.methods} == {(op.method, op.path) for op in TABLE}
    assert [one.path for one in every if one not in served] == ["/opbeta/outposts/gateway"]  # a WebSocket


def test_operation_ids_are_unique():
    found = [one["operationId"] for methods in our_document()["paths"].values() for one in methods.values()]
    assert len(found) == len(set(found))


def test_everything_of_ours_that_is_not_in_the_contract_is_marked():
    for path, methods in our_document()["paths"].items():
        for method, operation in methods.items():
            if operation["x-extension"]:
                assert (method.upper(), path) not in {(fact["method"], fact["path"]) for fact in OPERATIONS}


@each
def test_operation_id_and_success_code(fact):
    operation = ours(fact)
    assert operation["operationId"] == fact["operation"]
    assert [int(code) for code in operation["responses"] if code[0] in "23"] == [fact["success"]]


@each
def test_permissions(fact):
    row = next(op for op in CONTRACT_ROWS if (op.method, op.address) == (fact["method"], fact["path"]))
    assert set(fact["permissions"]) <= set(row.permissions)
    assert set(row.permissions) <= set(fact["permissions"]) | OWN_SESSIONS
    assert ours(fact)["x-permission"] == list(row.permissions)


@each
def test_query(fact):
    found = {one["name"]: one for one in ours(fact).get("parameters", []) if one["in"] == "query"}
    assert set(found) == set(fact["query"])
    for name, wanted in fact["query"].items():
        schema = found[name]["schema"]
        assert found[name].get("required", False) == wanted.get("required", False), name
        assert set(wanted.get("enum", [])) <= values(schema), name
        assert schema.get("default") == wanted.get("default", schema.get("default")), name


@each
def test_path_parameters_are_documented(fact):
    found = {one["name"] for one in ours(fact).get("parameters", []) if one["in"] == "path"}
    assert found == set(re.findall(r"{(\w+)", fact["path"]))


@each
def test_body(fact):
    body = ours(fact).get("requestBody")
    assert (body is None) == ("body" not in fact)
    if body is None:
        return
    found = properties(body["content"][fact["body_type"]]["schema"])
    assert set(found) - set(fact["body"]) == MORE_INPUT.get(fact["operation"], set())
    for name, wanted in fact["body"].items():
        _compare_input(name, found[name], wanted)


def _compare_input(name: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found["required"] == wanted.get("required", False), name
    assert set(wanted.get("enum", [])) <= values(found["schema"]), name
    assert is_nullable(found["schema"]) or not wanted.get("nullable"), name
    for inner, field in wanted.get("items", {}).items():
        _compare_input(f"{name}.{inner}", properties(found["schema"])[inner], field)


@each
def test_answer(fact):
    if fact["answer"] is None:
        return
    ((kind, shape),) = fact["answer"].items()
    schema = ours(fact)["responses"][str(fact["success"])]["content"]["application/json"]["schema"]
    if kind in {"page", "items"}:
        envelope = properties(schema)
        wanted = {"items", "end_cursor", "has_next_page", "total"} if kind == "page" else {"items"}
        assert set(envelope) == wanted
        schema = envelope["items"]["schema"]
    _compare_output(shape, properties(schema), SHAPES[shape])


def _compare_output(name: str, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert set(found) == set(wanted) | MORE_OUTPUT.get(name, set()), name
    for field, facts in wanted.items():
        schema = found[field]["schema"]
        assert found[field]["required"], f"{name}.{field} is not always sent"
        assert is_nullable(schema) <= facts.get("nullable", False), f"{name}.{field} may be null"
        if "enum" in facts:
            known = set(facts["enum"]) | MORE_VALUES.get(f"{name}.{field}", set())
            assert values(schema) == known, f"{name}.{field}"
        if "items" in facts:
            _compare_output(f"{name}.{field}", properties(schema), facts["items"])


def test_lists_are_pages_of_at_most_200():
    for fact in OPERATIONS:
        for one in ours(fact).get("parameters", []):
            if one["name"] == "first":
                most = SMALLER_PAGES.get(fact["operation"], 200)
                assert (one["schema"]["minimum"], one["schema"]["maximum"]) == (1, most)
