"""JSON Schemas that come in with requests."""

import json
from collections.abc import Iterator
from typing import Any

MAX_SCHEMA = 64 * 1024
MAX_SCHEMA_DEPTH = 64
"""Checking a schema, and values by it, recurses several calls deep for each level."""


def usable_schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema, if it is self-contained, of Draft 7, and neither too large nor too deep."""
    if schema is None:
        return None
    if len(json.dumps(schema, allow_nan=False)) > MAX_SCHEMA:  # what is no number in JSON cannot be kept
        raise ValueError("the schema is larger than 64 KB")
    for depth, node in _nodes(schema):
        if depth > MAX_SCHEMA_DEPTH:
            raise ValueError(f"the schema is nested deeper than {MAX_SCHEMA_DEPTH} levels")
        reference = node.get("$ref") if isinstance(node, dict) else None
        if isinstance(reference, str) and not reference.startswith("#"):
            raise ValueError(f"the schema must be self-contained; it refers to {reference[:100]!r}")
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft7Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON Schema of Draft 7: {error.message[:300]}") from None
    return schema


def _nodes(node: Any) -> Iterator[tuple[int, Any]]:
    """Everything inside a JSON value, with how deep it lies."""
    waiting = [(0, node)]
    while waiting:
        depth, one = waiting.pop()
        yield depth, one
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting.extend((depth + 1, part) for part in inside)
