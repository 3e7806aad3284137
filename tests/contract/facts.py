"""The contract's facts, and our API document flattened so that the two can be compared."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from cogmill.api.document import document

FILES = sorted((Path(__file__).parents[2] / "contract").glob("*.json"))
FACTS = [json.loads(file.read_text()) for file in FILES]
OPERATIONS: list[dict[str, Any]] = [one for facts in FACTS for one in facts["operations"]]
SHAPES: dict[str, dict[str, Any]] = {name: shape for facts in FACTS for name, shape in facts["shapes"].items()}


@cache
def our_document() -> dict[str, Any]:
    return document()


def follow(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = our_document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def variants(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema without references and alternatives."""
    node = follow(node)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in node:
            return [one for part in node[key] for one in variants(part)]
    return [node]


def is_nullable(node: dict[str, Any]) -> bool:
    return any(one.get("type") == "null" for one in variants(node))


def values(node: dict[str, Any]) -> set[str]:
    """The values that an enumeration allows; empty when anything goes."""
    found: set[str] = set()
    for one in variants(node):
        found |= set(one.get("enum", [one["const"]] if "const" in one else []))
        if "items" in one:
            found |= values(one["items"])
    return found


def properties(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Fields of an object, or of the objects in a list; of alternatives, those of all."""
    found: dict[str, dict[str, Any]] = {}
    for one in variants(node):
        if "items" in one:
            return properties(one["items"])
        for name, field in one.get("properties", {}).items():
            known = found.setdefault(name, {"schemas": [], "required": False})
            known["schemas"].append(field)
            known["required"] |= name in one.get("required", [])
    return {name: {"required": one["required"], "schema": {"anyOf": one["schemas"]}} for name, one in found.items()}


def ours(fact: dict[str, Any]) -> dict[str, Any]:
    return our_document()["paths"][fact["path"]][fact["method"].lower()]


def ids() -> list[str]:
    return [fact["operation"] for fact in OPERATIONS]
