"""What there is to look at in a prompt, and in a step before it is done."""

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Target = Literal["prompt", "command", "egress", "path", "write", "secret"]
Subjects = dict[Target, list[str]]
HOME, WORKSPACE = "/home/agent", "/workspace"
MOST = 2000
"""Words of one command that are looked at as paths or hosts; its text is looked at as a whole."""
WRITING = frozenset({"file_write", "file_edit"})
_NAMING = frozenset({"tool", "tool_call_id", "call_key", "timeout"})
"""Fields of a step that say which one it is, not what it does."""
_URL = re.compile(
    r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://(?:[^/@\s\"'`]{0,300}@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^/:\s\"'`?#;|&<>()]+)"
)
_NEAR = re.compile(r"\bfile://(?:localhost)?", re.IGNORECASE)
_FAR = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s;&|<>()\"'`]+")
_AT = re.compile(r"[\w.-]{1,100}@([\w.-]{1,255}):")
_WORD = re.compile(r"[^\s;&|<>()\"'`]+")
_NETWORKING = re.compile(
    r"\b(?:curl|wget|nc|ncat|netcat|telnet|ssh|scp|sftp|rsync|ping|dig|nslookup|host|http|https)\b"
)
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.){1,10}[A-Za-z0-9-]{1,63}|\d{8,10}|0[xX][0-9A-Fa-f]{8}")
_WRITTEN = re.compile(r"(?:>\|?|\btee\s+(?:-\S+\s+)*)\s*[\"']?([^\s;&|<>()\"'`]+)")


def of_prompt(text: str) -> Subjects:
    """What a user wrote."""
    return {"prompt": [text], "secret": [text]}


def of_step(kind: str, given: Mapping[str, Any]) -> Subjects:
    """What a step of this kind was given; empty when it does nothing that anybody could have a rule for."""
    found: Subjects = {}
    texts = [text for name, value in given.items() if name not in _NAMING for text in _texts(value)]
    if texts:
        found["secret"] = texts
    command, path = given.get("command"), given.get("path")
    if isinstance(command, str):
        found |= {"command": [command], "egress": hosts(command), "path": paths(command), "write": written(command)}
    if isinstance(path, str):
        found["path"] = [place(path)]
        if kind in WRITING:
            found["write"] = [place(path)]
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def place(path: str) -> str:
    """The path from the root; one that begins nowhere begins in the workspace."""
    for home in ("~", "$HOME", "${HOME}"):
        if path == home or path.startswith(home + "/"):
            path = HOME + path[len(home) :]
    return posixpath.normpath(posixpath.join(WORKSPACE, path)).replace("//", "/")


def paths(command: str) -> list[str]:
    """Everything in it that may be a path."""
    words = _WORD.findall(_FAR.sub(" ", _NEAR.sub(" ", command)))[:MOST]
    pieces = dict.fromkeys(piece for word in words for piece in re.split(r"[=:,]", word) if _is_path(piece))
    return [place(one) for one in pieces]


def _is_path(word: str) -> bool:
    return "/" in word or word in {"~", "$HOME", "${HOME}"}


def written(command: str) -> list[str]:
    """Where its output goes: behind `>` and `tee`."""
    return [place(one) for one in dict.fromkeys(_WRITTEN.findall(command)[:MOST])]


def hosts(command: str) -> list[str]:
    """Hosts that it names: in addresses and, where something of it uses the network, as words."""
    found = [*_URL.findall(command), *_AT.findall(command)]
    if _NETWORKING.search(command):
        words = (word.partition("/")[0].rpartition("@")[2] for word in _WORD.findall(command)[:MOST])
        found += [name for word in words if _HOST.fullmatch(name := re.sub(r":\d+$", "", word))]
    return list(dict.fromkeys(host(one) for one in found))


def host(name: str) -> str:
    """One way of writing it: lower case, and addresses as numbers with points."""
    plain = name.strip("[]").rstrip(".").lower()
    try:
        if plain.isascii() and plain.isdigit():
            return str(ipaddress.IPv4Address(int(plain)))
        if plain.startswith("0x"):
            return str(ipaddress.IPv4Address(int(plain, 16)))
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return plain
