"""What the API document says of refusals: which codes an operation answers with, and the problem document's shape."""

from typing import Any

from cogmill.api.operations import GET, Op
from cogmill.web.errors import PROBLEM
from cogmill.web.guard import Reach

SCHEMA_NAME = "Problem"
SCHEMA: dict[str, Any] = {
    "title": SCHEMA_NAME,
    "type": "object",
    "description": "A refusal (RFC 9457).",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {
            "description": "What was wrong; for 422 one entry for each mistake.",
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["loc", "msg", "type"],
                        "properties": {
                            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                        },
                    },
                },
            ],
        },
        "request_id": {"type": "string"},
    },
}
LEGACY_NAME = "LegacyError"
LEGACY_SCHEMA: dict[str, Any] = {
    "title": LEGACY_NAME,
    "type": "object",
    "description": "A refusal of the old APIs.",
    "required": ["detail"],
    "properties": {"detail": SCHEMA["properties"]["detail"]},
}
_LEGACY_CONTENT = {"application/json": {"schema": {"$ref": f"#/components/schemas/{LEGACY_NAME}"}}}
_CONTENT = {PROBLEM: {"schema": {"$ref": f"#/components/schemas/{SCHEMA_NAME}"}}}
_SAID = {
    400: "The request says something that cannot be",
    401: "No key, or one that does not work",
    403: "The key does not reach this organization or lacks the permission",
    404: "No such thing within reach",
    409: "Not possible in the present state",
    410: "This version is switched off",
    413: "The body is too large",
    422: "Malformed input",
    429: "Too many requests or attempts",
    503: "Not able to work now",
}


def refusals(op: Op, *, has_inputs: bool) -> dict[int | str, dict[str, Any]]:
    """Every code with which the operation may refuse."""
    codes = set(op.also_refuses)
    if op.reach is Reach.PUBLIC:
        codes |= {401, 403, 429} if op.method != GET else set()
    else:
        codes |= {401, 403, 429}
    if op.reach in {Reach.IN_HOME_ORG, Reach.IN_KEY_ORG}:
        codes |= {400}
    if op.legacy is not None:
        codes |= {400, 410}
    if "{" in op.path:
        codes |= {404}
    if op.method != GET:
        codes |= {400, 404, 409, 413}
    if has_inputs or op.takes_file:
        codes |= {422}
    content = _CONTENT if op.legacy is None else _LEGACY_CONTENT
    return {code: {"description": _SAID[code], "content": content} for code in sorted(codes)}
