"""Secrets never leave a session: their values are replaced wherever text goes to the log."""

import base64
import urllib.parse
from collections.abc import Mapping
from typing import Any

SHORTEST = 4
"""Values shorter than this are not looked for: they would cut holes into every text."""


class Redactor:
    """Replaces the values of a session's secrets, plain, base64 or URL-encoded, by their names."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        pairs = {form: name for name, value in secrets.items() for form in _forms(value)}
        self._pairs = sorted(pairs.items(), key=lambda pair: -len(pair[0]))
        self.longest = max((len(form) for form in pairs), default=0)

    def text(self, text: str) -> str:
        """The text without secrets; always encodable as UTF-8."""
        for form, name in self._pairs:
            if form in text:
                text = text.replace(form, f"[secret {name}]")
        return text.encode("utf-8", "replace").decode()

    def json(self, node: Any) -> Any:
        """The same for every text inside a JSON value, keys included."""
        if isinstance(node, str):
            return self.text(node)
        if isinstance(node, dict):
            return {self.text(str(key)): self.json(value) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [self.json(value) for value in node]
        return node


def _forms(value: str) -> set[str]:
    if len(value) < SHORTEST:
        return set()
    raw = value.encode()
    forms = {value, urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), repr(value)[1:-1]}
    # base64 of a text that holds the value has one of three alignments; their common middles are looked for.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 3, 2)[(shift + len(raw)) % 3]].rstrip("=")
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= SHORTEST}
