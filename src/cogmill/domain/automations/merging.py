"""The two ways in which a PATCH changes an automation. Pure."""

from typing import Any

from cogmill.kit.errors import BadRequest

NAMED_BY = {"triggers": "event_type", "actions": "type"}
"""Lists, and what tells one element from another."""


def merged(stored: dict[str, Any], sent: dict[str, Any], semantics: str) -> dict[str, Any]:
    """The automation as a whole after the change."""
    if semantics == "replace_groups":
        metadata = sent.get("metadata")
        if "metadata" in sent and (metadata is None or None in metadata.values()):
            raise BadRequest("metadata: send the full set, without null. This server replaces groups as a whole.")
        return {name: value for name, value in {**stored, **sent}.items() if value is not None}
    result: dict[str, Any] = _merge_patch(stored, {name: value for name, value in sent.items() if name not in NAMED_BY})
    for name, key in NAMED_BY.items():
        if name in sent:
            result[name] = _merge_list(stored[name], sent[name], key)
    return result


def _merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_patch(result.get(name), value)
    return result


def _merge_list(stored: list[dict[str, Any]], sent: list[dict[str, Any]] | None, key: str) -> Any:
    """The sent elements; one merges onto the stored one of its type where that type occurs once on both sides."""
    if sent is None:
        return None

    def only(elements: list[dict[str, Any]], kind: Any) -> dict[str, Any] | None:
        found = [one for one in elements if one.get(key) == kind]
        return found[0] if len(found) == 1 else None

    return [
        _merge_patch(known, one) if only(sent, one.get(key)) and (known := only(stored, one.get(key))) else one
        for one in sent
    ]
