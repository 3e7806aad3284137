"""Finds the shell blocks of a Markdown text: the steps of a runbook."""

import re
import shlex
from dataclasses import dataclass

from cogmill.engine.agents.playbook_sections import TOLD, section_of

LANGUAGES = frozenset({"sh", "bash", "shell"})
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class BlockError(ValueError):
    """An option of a block cannot be understood; the text says which."""


@dataclass(frozen=True, slots=True)
class Block:
    """One shell block and how to run it."""

    title: str
    command: str
    line: int
    """Line of the opening fence, counted from 1."""
    timeout: float | None = None
    allow_failure: bool = False
    output_name: str | None = None
    retry: bool = True
    """False: a run that was cut by a crash is reported instead of repeated."""


def parse(text: str) -> list[Block]:
    """All shell blocks in order. BlockError when an option has a value that makes no sense.

    Blocks below headings such as "Advice" or "Forbidden Actions" are examples in a text, not steps.
    """
    # Imported here: a server that never runs a runbook does not pay for the parser.
    from markdown_it import MarkdownIt

    blocks: list[Block] = []
    heading: str | None = None
    opened = told = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "heading_open":
            opened = token.tag
            told = "" if opened <= told else told
        elif token.type == "inline" and opened:
            heading = token.content.strip() or None
            told = opened if not told and section_of(heading or "") in TOLD else told
            opened = ""
        elif told:
            continue
        elif token.type == "fence" and _language(token.info) in LANGUAGES and token.content.strip():
            line = (token.map[0] if token.map else 0) + 1
            title = heading or f"Block {len(blocks) + 1}"
            blocks.append(_block(title, token.content.rstrip("\n"), token.info, line))
    return blocks


def has_blocks(text: str | None) -> bool:
    """Whether a runbook agent would find something to do here."""
    if not text or ("```" not in text and "~~~" not in text):
        return False
    try:
        return bool(parse(text))
    except BlockError:
        return True


def runbook_text(playbook: str | None, prompt: str) -> str:
    """The text whose blocks are run: the playbook, unless it has none."""
    return playbook if playbook and has_blocks(playbook) else prompt


def _language(info: str) -> str:
    words = info.split(maxsplit=1)
    return words[0].lower() if words else ""


def _block(title: str, command: str, info: str, line: int) -> Block:
    timeout, allow_failure, name, retry = None, False, None, True
    try:
        options = shlex.split(info)[1:]
    except ValueError:
        options = info.split()[1:]
    for option in options:
        key, has_value, value = option.partition("=")
        if key == "timeout":
            timeout = _timeout(value, line)
        elif key == "allow-failure" and value in {"", "true"}:
            allow_failure = True
        elif key == "name" and has_value:
            name = _output_name(value, line)
        elif key == "retry" and has_value:
            retry = _retry(value, line)
        # Other words are left alone: Markdown tools put their own options into the same place.
    return Block(title, command, line, timeout, allow_failure, name, retry)


def _timeout(value: str, line: int) -> float:
    found = _DURATION.fullmatch(value)
    if not found or float(found[1]) <= 0:
        raise BlockError(f"The block at line {line} has timeout={value}; write seconds, or 90s, 5m, 1h.")
    return float(found[1]) * _SECONDS[found[2]]


def _output_name(value: str, line: int) -> str:
    if not _NAME.fullmatch(value):
        raise BlockError(f"The block at line {line} has name={value}; use letters, digits, - and _ only.")
    return value


def _retry(value: str, line: int) -> bool:
    if value not in {"never", "always"}:
        raise BlockError(f"The block at line {line} has retry={value}; only retry=never and retry=always are known.")
    return value == "always"
