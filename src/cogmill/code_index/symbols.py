"""What a file defines: functions, classes and the like, with their lines and what they stand in."""

from dataclasses import dataclass

from tree_sitter import Node, QueryCursor

from cogmill.code_index.languages import tools_of

MOST_SYMBOLS = 20_000
"""Of one file."""
LONGEST_NAME = 200
KINDS = (
    "class", "constant", "enum", "field", "function", "interface", "macro", "method", "module", "struct", "trait",
    "type", "variable",
)  # fmt: skip
_WITH_METHODS = {"class", "struct", "interface", "trait", "enum", "scope"}
_LESS_TELLING = {"type", "variable"}
"""Kinds that give way when two patterns find the same definition."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One definition; lines are counted from 1."""

    name: str
    kind: str
    line: int
    end_line: int
    container: str


@dataclass(slots=True)
class _Found:
    node: Node
    name: str
    kind: str
    container: str


def symbols_of(language: str, source: bytes) -> list[Symbol]:
    """All definitions of a file in the order of their beginnings. Files with mistakes give what can be made out."""
    parser, query = tools_of(language)
    tree = parser.parse(source)
    found: dict[tuple[int, int], _Found] = {}
    for _, captures in QueryCursor(query).matches(tree.root_node):
        one = _found(captures)
        if one is None:
            continue
        key = (one.node.start_byte, _name_at(captures))
        known = found.get(key)
        if known is None or known.kind in _LESS_TELLING:
            found[key] = one
        if len(found) >= MOST_SYMBOLS:
            break
    return _nested([found[key] for key in sorted(found, key=lambda key: (key[0], -found[key].node.end_byte, key[1]))])


def _found(captures: dict[str, list[Node]]) -> _Found | None:
    kind = next(one for one in captures if one not in {"name", "container"})
    text = _text(captures["name"][0])
    if not text or len(text) > LONGEST_NAME:
        return None
    container = _text(captures["container"][0]) if "container" in captures else ""
    return _Found(captures[kind][0], text, kind, container)


def _name_at(captures: dict[str, list[Node]]) -> int:
    return captures["name"][0].start_byte


def _text(node: Node) -> str:
    return " ".join((node.text or b"").decode("utf-8", "replace").split())


def _nested(found: list[_Found]) -> list[Symbol]:
    """The container of each is the chain of definitions around it; functions of classes are methods."""
    around: list[_Found] = []
    symbols = []
    for one in found:
        while around and around[-1].node.end_byte < one.node.end_byte:
            around.pop()
        while around and around[-1].node.end_byte <= one.node.start_byte:
            around.pop()
        kind = "method" if one.kind == "function" and around and around[-1].kind in _WITH_METHODS else one.kind
        if kind != "scope":
            container = ".".join([outer.name for outer in around if outer.name] + [one.container] * bool(one.container))
            lines = (one.node.start_point.row + 1, one.node.end_point.row + 1)
            symbols.append(Symbol(one.name, kind, *lines, container[:LONGEST_NAME]))
        if one.kind not in {"variable", "field", "constant", "macro"}:
            around.append(one)
    return symbols
