"""The form of a blueprint: YAML read strictly, so that a mistake is told with its line when it is saved."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from cogmill.scm.names import is_branch

Level = Literal["enterprise", "org", "repo"]
LONGEST = 256 * 1024
MOST_STEPS = 200
SECTIONS = ("initialize", "maintenance", "post-build")
_ALL = (*SECTIONS, "knowledge", "clone", "runs-on")
_PLATFORMS = ("default", "linux")
_TAG = "tag:yaml.org,2002:"


class Malformed(ValueError):
    """What is wrong in a blueprint, where, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Step:
    """One script of a section."""

    name: str
    run: str
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of `knowledge`: lint, test, build or any other name."""

    name: str
    contents: str


@dataclass(frozen=True, slots=True)
class Form:
    """A blueprint that was understood."""

    initialize: list[Step] = field(default_factory=list)
    maintenance: list[Step] = field(default_factory=list)
    post_build: list[Step] = field(default_factory=list)
    knowledge: list[Note] = field(default_factory=list)
    branch: str | None = None
    """Branch that a repository is cloned at; None: its default branch."""


def parse(text: str, level: Level) -> Form:
    """Read a blueprint. Malformed when anything in it is unknown, doubled or of the wrong kind."""
    if len(text.encode()) > LONGEST:
        raise Malformed(f"A blueprint may have at most {LONGEST} bytes.")
    top = _compose(text)
    if top is None:
        return Form()
    sections = _mapping(top, "The blueprint", _ALL)
    _check_level(sections, level)
    steps = {name: _steps(name, sections[name]) for name in SECTIONS if name in sections}
    return Form(
        steps.get("initialize", []), steps.get("maintenance", []), steps.get("post-build", []),
        _knowledge(sections.get("knowledge")), _branch(sections.get("clone")),
    )  # fmt: skip


def _compose(text: str) -> yaml.Node | None:
    try:
        documents = [one for one in yaml.compose_all(text, yaml.SafeLoader) if one is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Malformed(f"{where}not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Malformed(f"not valid YAML: {str(error).splitlines()[0][:200]}") from None
    if len(documents) > 1:
        raise Malformed(
            f"line {documents[1].start_mark.line + 1}: one document only; further ones, for other platforms, "
            "are not supported here."
        )
    return None if not documents or _is_null(documents[0]) else documents[0]


def _check_level(sections: dict[str, yaml.Node], level: Level) -> None:
    if level == "repo" and "post-build" in sections:
        raise _wrong(sections["post-build"], "post-build belongs into the blueprint of the organization or enterprise.")
    if level != "repo" and "clone" in sections:
        raise _wrong(sections["clone"], "clone belongs into the blueprint of a repository.")
    runs_on = sections.get("runs-on")
    if runs_on is not None and _text(runs_on, "runs-on").lower() not in _PLATFORMS:
        raise _wrong(runs_on, f"runs-on: known are {', '.join(_PLATFORMS)}.")


def _steps(section: str, node: yaml.Node) -> list[Step]:
    """A script, or a list whose entries are scripts or mappings with `run`."""
    if _is_null(node):
        return []
    if isinstance(node, yaml.ScalarNode):
        script = _text(node, section)
        return [Step(section, script)] if script.strip() else []
    steps = [_step(section, number, one) for number, one in enumerate(_list(node, section), start=1)]
    return [one for one in steps if one.run.strip()]


def _step(section: str, number: int, node: yaml.Node) -> Step:
    if isinstance(node, yaml.ScalarNode):
        return Step(f"{section} step {number}", _text(node, f"{section} step {number}"))
    what = f"{section} step {number}"
    parts = _mapping(node, what, ("name", "run", "env", "uses", "with"))
    if "uses" in parts:
        raise _wrong(parts["uses"], f"{what}: uses (a prepared action) is not supported here; write a script as run.")
    if "run" not in parts or "with" in parts:
        raise _wrong(node, f"{what}: run is missing: the script of the step." if "run" not in parts else
                     f"{what}: with belongs to uses, which is not supported here.")  # fmt: skip
    env = _mapping(parts["env"], f"{what}: env", None) if "env" in parts and not _is_null(parts["env"]) else {}
    for name in env:
        if not (name.isascii() and name.isidentifier()):
            raise _wrong(parts["env"], f"{what}: env: {name[:60]!r} cannot be a variable: letters, digits and _ only.")
    values = {name: _text(value, f"{what}: env: {name}", any_scalar=True) for name, value in env.items()}
    name = _text(parts["name"], f"{what}: name") if "name" in parts else what
    return Step(" ".join(name.split())[:200] or what, _text(parts["run"], f"{what}: run"), values)


def _knowledge(node: yaml.Node | None) -> list[Note]:
    if node is None or _is_null(node):
        return []
    if isinstance(node, yaml.ScalarNode):
        return [Note("notes", _text(node, "knowledge"))]
    notes = []
    for number, one in enumerate(_list(node, "knowledge"), start=1):
        what = f"knowledge entry {number}"
        parts = _mapping(one, what, ("name", "contents"))
        for wanted in ("name", "contents"):
            if wanted not in parts:
                raise _wrong(one, f"{what}: {wanted} is missing.")
        notes.append(Note(_text(parts["name"], f"{what}: name"), _text(parts["contents"], f"{what}: contents")))
    return notes


def _branch(node: yaml.Node | None) -> str | None:
    if node is None or _is_null(node):
        return None
    parts = _mapping(node, "clone", ("branch",))
    if "branch" not in parts:
        return None
    branch = _text(parts["branch"], "clone: branch")
    if not is_branch(branch):
        raise _wrong(parts["branch"], f"clone: branch: {branch[:100]!r} cannot be the name of a branch.")
    return branch


def _mapping(node: yaml.Node, what: str, known: tuple[str, ...] | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(node, f"{what} must be a mapping of names to values, not {_kind(node)}.")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = _text(key, f"A name in {what[0].lower()}{what[1:]}")
        if known is not None and name not in known:
            raise _wrong(key, f"{what}: {name[:60]!r} is unknown. Known: {', '.join(known)}.")
        if name in found:
            raise _wrong(key, f"{what}: {name} is there twice.")
        found[name] = value
    return found


def _list(node: yaml.Node, what: str) -> Iterator[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise _wrong(node, f"{what} must be a text or a list, not {_kind(node)}.")
    if len(node.value) > MOST_STEPS:
        raise _wrong(node, f"{what} may have at most {MOST_STEPS} entries.")
    yield from node.value


def _text(node: yaml.Node, what: str, *, any_scalar: bool = False) -> str:
    if not isinstance(node, yaml.ScalarNode) or (node.tag != f"{_TAG}str" and not any_scalar):
        raise _wrong(node, f"{what} must be a text, not {_kind(node)}; put it in quotes.")
    if "\0" in node.value:
        raise _wrong(node, f"{what} must not hold the NUL character.")
    if any("\ud800" <= char <= "\udfff" for char in node.value):  # an escape can name one; nothing could store it
        raise _wrong(node, f"{what} must not hold half of a surrogate pair; write the character itself.")
    return str(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null"


def _kind(node: yaml.Node) -> str:
    kinds = {"map": "a mapping", "seq": "a list", "int": "a number", "float": "a number", "bool": "true or false"}
    kinds |= {"null": "nothing", "str": "a text"}
    return kinds.get(str(node.tag).removeprefix(_TAG), "something else")


def _wrong(node: Any, text: str) -> Malformed:
    return Malformed(f"line {node.start_mark.line + 1}: {text}")
