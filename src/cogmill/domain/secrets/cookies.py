"""What a cookie secret holds: base64 of JSON, of which programs show the inside as readily as the outside."""

import base64
import binascii
import json
from typing import Any

SHORTEST = 8
"""Shorter values, such as a language or a yes, are no secrets."""
MOST = 200
"""The longest ones: every text is searched for each."""


def read(text: str) -> Any:
    """The JSON; None when it is none, or neither an object nor a list of them."""
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, list | dict) else None


def values(text: str) -> list[str]:
    """The values of the cookies: those of fields `value`, or all of one plain object."""
    found = read(text)
    inside = _values(found)
    if not inside and isinstance(found, dict):
        inside = [one for one in found.values() if isinstance(one, str)]
    inside = [one for one in dict.fromkeys(inside) if len(one) >= SHORTEST]
    return sorted(inside, key=len, reverse=True)[:MOST]


def _values(found: Any) -> list[str]:
    """Of all objects, however deep."""
    values, nodes = [], [found]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if isinstance(value := node.get("value"), str):
                values.append(value)
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    return values
