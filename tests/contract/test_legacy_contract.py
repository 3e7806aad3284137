"""The rows of the old APIs against what the contract says of them, field by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from cogmill.api.legacy.table import LEGACY

from .facts import is_nullable, our_document, properties, values, variants

FILES = sorted((Path(__file__).parents[2] / "contract" / "legacy").glob("*.json"))
FACTS = [one for file in FILES for one in json.loads(file.read_text("utf-8"))["operations"]]
each = pytest.mark.parametrize("fact", FACTS, ids=[one["operation"] for one in FACTS])


def ours(fact: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = our_document()["paths"][fact["path"]][fact["method"].lower()]
    return found


def test_the_table_has_what_the_contract_has():
    known = {(fact["method"], fact["path"], fact["operation"]) for fact in FACTS}
    assert {(op.method, op.address, op.id) for op in LEGACY} == known


@each
def test_an_operation_takes_and_answers_what_it_did(fact):
    operation = ours(fact)
    assert operation["deprecated"] is True
    (success,) = [int(code) for code in operation["responses"] if code[0] in "23"]
    assert success in fact["success"]
    found = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
    assert set(fact.get("query", {})) <= set(found)
    for name, wanted in fact.get("query", {}).items():
        assert found[name].get("required", False) == wanted.get("required", False), name
        assert found[name]["schema"].get("default") == wanted.get("default"), name
    if "body" in fact:
        taken(operation["requestBody"]["content"]["application/json"]["schema"], fact["body"], "body")
    if "answer" in fact:
        content = operation["responses"][str(success)]["content"]["application/json"]
        answered(content["schema"], fact["answer"], "answer")


def taken(schema: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
    """Whatever the contract allows to send, we take."""
    assert is_list(schema) == wanted.get("many", False), where
    found = properties(schema)
    for name, field in wanted.get("fields", {}).items():
        assert found[name]["required"] <= field.get("required", False), f"{where}.{name}"
        assert is_nullable(found[name]["schema"]) >= field.get("nullable", False), f"{where}.{name}"
        assert not values(found[name]["schema"]) or set(field.get("enum", [])) <= values(found[name]["schema"]), name
        taken(found[name]["schema"], field, f"{where}.{name}")


def answered(schema: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
    """Whatever the contract promises to answer, we answer, and nothing that it excludes."""
    assert is_list(schema) == wanted.get("many", False), where
    found = properties(schema)
    for name, field in wanted.get("fields", {}).items():
        assert found[name]["required"], f"{where}.{name} is not always sent"
        assert is_nullable(found[name]["schema"]) <= field.get("nullable", False), f"{where}.{name} may be null"
        assert set(field.get("enum", [])) <= values(found[name]["schema"]), f"{where}.{name}"
        answered(found[name]["schema"], field, f"{where}.{name}")


def is_list(schema: dict[str, Any]) -> bool:
    return any("items" in one for one in variants(schema))
