"""Secrets never leave a session: their values are replaced wherever text goes to the log."""

import base64
import html
import json
import re
import shlex
import urllib.parse
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

SHORTEST = 4
"""Values shorter than this are not looked for: they would cut holes into every text. Nor are shorter pieces."""
WRAPPED = 16
"""Forms of at least this length are found also where line breaks were put into them."""
SHORTEST_CUT = 60
"""Nothing shortens text to less than this, so that a shorter text without a mark was not cut."""
MOST_CUTS = 200
CUT = re.compile(r"\n\[\.\.\. \d+ (?:bytes cut|characters left out) \.\.\.\]\n|…")
"""What the sandbox and the agents put where they left something out."""
BREAK = re.compile(r"[\r\n]")
ESCAPE = re.compile(r"%[0-9A-F]{2}")
JSON_ESCAPE = re.compile(r"\\u[0-9a-f]{4}")
SAFE_IN_HTML = {ord("&"): "\\u0026", ord("<"): "\\u003c", ord(">"): "\\u003e"}


class Span(NamedTuple):
    """A piece of text that must not be seen."""

    start: int
    end: int
    name: str


class Redactor:
    """Replaces the values of a session's secrets by their names: plain, encoded, wrapped, or cut by a shortening."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        exact: dict[str, str] = {}
        flat: dict[str, str] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                joined = BREAK.sub("", form)
                if len(joined) >= WRAPPED:
                    flat.setdefault(joined, name)
                else:
                    exact.setdefault(form, name)
        self._exact = sorted(exact.items(), key=lambda pair: len(pair[0]))
        self._flat = sorted(flat.items(), key=lambda pair: len(pair[0]))
        self.longest = max((len(form) for form in (*exact, *flat)), default=0)
        self._heads: dict[str, list[tuple[str, str]]] = {}
        self._tails: dict[str, list[tuple[str, str]]] = {}
        for pair in (*self._exact, *self._flat):
            self._heads.setdefault(pair[0][:SHORTEST], []).append(pair)
            self._tails.setdefault(pair[0][-SHORTEST:], []).append(pair)

    def text(self, text: str) -> str:
        """The text without secrets; always encodable as UTF-8."""
        if self.longest:
            text = _replaced(text, _merged([*self._whole(_Flat(text)), *self._pieces(text)]))
        return text.encode("utf-8", "replace").decode()

    def names(self, text: str) -> list[str]:
        """Of which secrets the text holds the whole value, in any form."""
        return sorted({one.name for one in self._whole(_Flat(text))}) if self.longest else []

    def split(self, text: str) -> tuple[str, str]:
        """Of a text that goes on: the beginning, clean, and the rest as it is, which what follows may complete."""
        flat = _Flat(text)
        keep = max(self.longest - 1, 0)
        border = len(text) if not keep else 0 if len(flat.text) <= keep else flat.place(len(flat.text) - keep)
        spans = _merged(self._whole(flat))
        border = next((one.start for one in spans if one.start < border < one.end), border)
        clean = _replaced(text[:border], [one for one in spans if one.end <= border])
        return clean.encode("utf-8", "replace").decode(), text[border:]

    def json(self, node: Any) -> Any:
        """The same as `text` for every text inside a JSON value, keys included."""
        if isinstance(node, str):
            return self.text(node)
        if isinstance(node, dict):
            return {self.text(str(key)): self.json(value) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [self.json(value) for value in node]
        return node

    def _whole(self, flat: "_Flat") -> Iterator[Span]:
        """Every place of every form, overlapping ones too."""
        for form, name in self._exact:
            if len(form) > len(flat.original):
                break
            for at in _places(flat.original, form):
                yield Span(at, at + len(form), name)
        for form, name in self._flat:
            if len(form) > len(flat.text):
                break
            for at in _places(flat.text, form):
                yield Span(flat.place(at), flat.place(at + len(form) - 1) + 1, name)

    def _pieces(self, text: str) -> Iterator[Span]:
        """Beginnings of secrets before a cut, and ends of secrets behind one."""
        marks = [mark.span() for mark in islice(CUT.finditer(text), MOST_CUTS)]
        if len(text) >= SHORTEST_CUT:
            marks += [(len(text), len(text)), (0, 0)]
        reach = 2 * self.longest  # a wrapped form is longer than its letters
        for left, right in marks:
            begin = max(0, left - reach)
            before, behind = _Flat(text[begin:left]), _Flat(text[right : right + reach])
            if found := self._begun(before.text):
                yield Span(begin + before.place(found[0]), left, found[1])
            if found := self._ended(behind.text):
                yield Span(right, right + behind.place(found[0] - 1) + 1, found[1])

    def _begun(self, text: str) -> tuple[int, str] | None:
        """Where the text's end begins to be a secret, and which."""
        for at in range(max(0, len(text) - self.longest), len(text) - SHORTEST + 1):
            for form, name in self._heads.get(text[at : at + SHORTEST], ()):
                if form.startswith(text[at:]):
                    return at, name
        return None

    def _ended(self, text: str) -> tuple[int, str] | None:
        """How much of the text's beginning is the end of a secret, and of which."""
        for end in range(min(len(text), self.longest), SHORTEST - 1, -1):
            for form, name in self._tails.get(text[end - SHORTEST : end], ()):
                if form.endswith(text[:end]):
                    return end, name
        return None


class _Flat:
    """A text without its line breaks, and where its letters were."""

    def __init__(self, text: str) -> None:
        self.original = text
        breaks = [mark.start() for mark in BREAK.finditer(text)]
        self.text = BREAK.sub("", text) if breaks else text
        self._before = [at - number for number, at in enumerate(breaks)]

    def place(self, at: int) -> int:
        return at + bisect_right(self._before, at)


def _places(text: str, form: str) -> Iterator[int]:
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Overlapping pieces as one, by the name of the longest: what a shorter one leaves over is secret, too."""
    done: list[Span] = []
    longest = 0
    for span in sorted(spans):
        size = span.end - span.start
        if not done or span.start >= done[-1].end:
            done.append(span)
            longest = size
            continue
        last = done[-1]
        name = span.name if size > longest else last.name
        longest = max(longest, size)
        done[-1] = Span(last.start, max(last.end, span.end), name)
    return done


def _replaced(text: str, spans: list[Span]) -> str:
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"[secret {span.name}]"]
        at = span.end
    return "".join([*parts, text[at:]])


def _forms(value: str) -> set[str]:
    """How a value may be written by programs that do not mean to hide it."""
    if len(value) < SHORTEST:
        return set()
    unix = value.replace("\r\n", "\n")
    forms: set[str] = set()
    for one in {value, unix, unix.replace("\n", "\r\n")}:
        forms |= {one, repr(one)[1:-1]} | _json(one) | _quoted(one) | _html(one) | _shell(one)
        raw = one.encode("utf-8", "replace")
        forms |= {repr(raw)[2:-1]} | _hex(raw) | _base64(raw)
    if "\n" in value:
        # Shown with line numbers, indented or in a difference, only the lines are left of it.
        lines = {line.strip() for line in value.splitlines()}
        forms |= {line for line in lines if len(line) >= WRAPPED and not line.startswith("-----")}
    return {form for form in forms if len(form) >= SHORTEST}


def _json(value: str) -> set[str]:
    """Also inside a text that is JSON itself, as a model's arguments are."""
    once = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    once |= {text.replace("/", "\\/") for text in once}
    # As Go and many web frameworks write it, so that it can stand in HTML; some write the apostrophe so, too.
    for escapes in (SAFE_IN_HTML, SAFE_IN_HTML | {ord("'"): "\\u0027"}):
        once |= {text.translate(escapes) for text in once}
    once |= {JSON_ESCAPE.sub(lambda found: found[0][:2] + found[0][2:].upper(), text) for text in once}
    return once | {json.dumps(text, ensure_ascii=False)[1:-1] for text in once}


def _hex(raw: bytes) -> set[str]:
    texts = {raw.hex(), raw.hex(" "), raw.hex(":")}
    return texts | {text.upper() for text in texts}


def _quoted(value: str) -> set[str]:
    raw = value.encode("utf-8", "replace")
    texts = {urllib.parse.quote(raw, safe=safe) for safe in ("", "/", "!'()*", ";,/?:@&=+$!*'()#")}
    forms = {urllib.parse.quote_plus(raw, safe=safe) for safe in ("", "*")}  # as browsers send forms: they escape ~
    texts |= forms | {text.replace("~", "%7E") for text in forms}
    return texts | {ESCAPE.sub(lambda found: found[0].lower(), text) for text in texts}


def _html(value: str) -> set[str]:
    """Writers of HTML and XML differ in how they write quotation marks, and whether."""
    plain = html.escape(value, quote=False)
    double, single = ("&quot;", "&#34;", '"'), ("&#x27;", "&#39;", "&#039;", "&apos;", "'")
    return {plain.replace('"', one).replace("'", other) for one in double for other in single}


def _shell(value: str) -> set[str]:
    """Quoted for a shell; as its trace (`set -x`), `declare -p` and `printf %q` show it."""
    return {
        shlex.quote(value).strip("'"), value.replace("'", "'\\''"), re.sub(r'(["\\$`])', r"\\\1", value),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", value),
    }  # fmt: skip


def _base64(raw: bytes) -> set[str]:
    """A text that holds the value has one of three alignments; their parts that only the value decides."""
    forms = set()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        inner = encoded[(0, 2, 3)[shift] : len(encoded) - (0, 3, 2)[(shift + len(raw)) % 3]].rstrip("=")
        forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms
