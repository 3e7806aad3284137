"""Whether an event is one that a trigger waits for: any group all of whose conditions hold. Pure."""

from collections.abc import Callable
from typing import Any

_MISSING = object()


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    return isinstance(found, list) and wanted in found


def _is_less(left: Any, right: Any) -> bool:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (left, right))
    return numbers and bool(left < right)


def _equal(found: Any, wanted: Any) -> bool:
    """True is not 1."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _text(found: Any, wanted: Any) -> bool:
    return isinstance(found, str) and isinstance(wanted, str)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _equal,
    "not_equals": lambda found, wanted: not _equal(found, wanted),
    "contains": _contains,
    "not_contains": lambda found, wanted: not _contains(found, wanted),
    "starts_with": lambda found, wanted: _text(found, wanted) and found.startswith(wanted),
    "ends_with": lambda found, wanted: _text(found, wanted) and found.endswith(wanted),
    "in": lambda found, wanted: isinstance(wanted, list) and any(_equal(found, one) for one in wanted),
    "not_in": lambda found, wanted: isinstance(wanted, list) and not any(_equal(found, one) for one in wanted),
    "greater_than": lambda found, wanted: _is_less(wanted, found),
    "less_than": _is_less,
    "exists": lambda found, wanted: (found is not _MISSING and found is not None) == bool(wanted),
}


def matches(conditions: dict[str, Any] | None, event: dict[str, Any]) -> bool:
    """None waits for every event of its type."""
    if conditions is None:
        return True
    return any(all(_holds(one, event) for one in group["all"]) for group in conditions["any"])


def _holds(condition: dict[str, Any], event: dict[str, Any]) -> bool:
    found: Any = event
    for part in condition["field"].split("."):
        found = found.get(part, _MISSING) if isinstance(found, dict) else _MISSING
    return OPERATORS[condition["operator"]](found, condition["value"])
