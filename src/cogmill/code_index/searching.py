"""Searching indexes: symbols by name, text by substring, over several repositories, page by page."""

import base64
import binascii
import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cogmill.code_index.store import FILE, VERSION

Redact = Callable[[str], str]
Kind = Literal["symbols", "text"]
SHORTEST_TEXT = 3
"""Letters: shorter texts stand in nearly every file, and the index knows three at a time."""
LONGEST_LINE = 400
SECONDS = 3.0
"""A page ends after this, and its cursor goes on from there."""
LAST_RANK = 2
"""Of symbols: the very name, names that begin with it, names that hold it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One branch of one repository and the folder of its index."""

    repository_path: str
    branch: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    query: str
    kind: Kind
    first: int
    path: str | None = None
    language: str | None = None
    symbol_kind: str | None = None
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One definition, or one line of text."""

    place: Place
    commit: str
    path: str
    language: str
    line: int
    end_line: int
    name: str | None
    symbol_kind: str | None
    container: str | None
    text: str


Position = tuple[int, str, str, int, int]
"""Of a hit in the order of all: rank, repository, path, line, number of the symbol."""


class BadCursor(ValueError):
    """Not one of ours."""


def find(places: Sequence[Place], wanted: Wanted, after: str | None = None) -> tuple[list[Hit], str | None]:
    """A page of hits in the order of rank, repository, path and line, and the cursor behind it. Blocking."""
    start = _decoded(after) if after is not None else None
    until, hits = time.monotonic() + SECONDS, list[tuple[Position, Hit]]()
    position = start
    for rank in range(LAST_RANK + 1 if wanted.kind == "symbols" else 1):
        for place in sorted(places, key=lambda one: one.repository_path):
            if start is not None and (rank, place.repository_path) < start[:2]:
                continue
            same = start is not None and (rank, place.repository_path) == start[:2]
            for position, hit in _in_place(place, wanted, rank, start if same else None, wanted.first + 1 - len(hits)):
                if hit is not None:
                    hits.append((position, hit))
                if len(hits) > wanted.first:
                    return [one for _, one in hits[:-1]], _encoded(hits[-2][0])
                if time.monotonic() > until:
                    return [one for _, one in hits], _encoded(position)
    return [one for _, one in hits], None


def languages(folder: Path, branch: str) -> list[tuple[str, int]]:
    """The languages of a branch with their numbers of files, the most frequent first."""
    db = _open(folder)
    if db is None:
        return []
    with _Closing(db):
        query = (
            "SELECT blob.language, count(*) FROM file JOIN branch ON branch.id = file.branch "
            "JOIN blob ON blob.id = file.blob WHERE branch.name = ? AND blob.language <> '' "
            "GROUP BY blob.language ORDER BY count(*) DESC, blob.language"
        )
        return [(row[0], row[1]) for row in db.execute(query, (branch,))]


def branches(folder: Path) -> list[str]:
    """The branches that an index holds."""
    db = _open(folder)
    if db is None:
        return []
    with _Closing(db):
        return [row[0] for row in db.execute("SELECT name FROM branch ORDER BY name")]


def _in_place(
    place: Place, wanted: Wanted, rank: int, start: Position | None, most: int
) -> Iterator[tuple[Position, Hit | None]]:
    """Hits of one index behind a position; None: looked at and nothing there."""
    db = _open(place.folder)
    if db is None:
        return
    with _Closing(db):
        row = db.execute("SELECT id, commit_hash FROM branch WHERE name = ?", (place.branch,)).fetchone()
        if row is None:
            return
        view = _View(db, place, row[0], row[1], wanted)
        yield from view.symbols(rank, start, most) if wanted.kind == "symbols" else view.lines(start)


@dataclass(frozen=True, slots=True)
class _View:
    db: sqlite3.Connection
    place: Place
    branch: int
    commit: str
    wanted: Wanted

    def symbols(self, rank: int, start: Position | None, most: int) -> Iterator[tuple[Position, Hit]]:
        """Definitions whose names fit with this rank."""
        where, values = self._names(rank)
        filters, more = self._filters()
        if self.wanted.symbol_kind is not None:
            filters, more = f"{filters} AND symbol.kind = ?", [*more, self.wanted.symbol_kind]
        behind: list[Any] = []
        if start is not None:
            filters += " AND (file.path, symbol.line, symbol.id) > (?, ?, ?)"
            behind = list(start[2:])
        # CROSS JOIN: names first, they are few.
        query = (
            "SELECT file.path, blob.language, symbol.line, symbol.end_line, name.name, symbol.kind, symbol.container, "  # noqa: S608 - our own words only
            "symbol.id, blob.id FROM name CROSS JOIN symbol ON symbol.name = name.id "
            "CROSS JOIN blob ON blob.id = symbol.blob "
            f"CROSS JOIN file ON file.blob = blob.id AND file.branch = ? WHERE {where}{filters} "
            "ORDER BY file.path, symbol.line, symbol.id LIMIT ?"
        )
        known, lines = None, list[str]()
        for row in self.db.execute(query, [self.branch, *values, *more, *behind, most]).fetchall():
            path, language, line, end_line, name, kind, container, number, blob = row
            if blob != known:
                known, lines = blob, self._text(blob).split("\n")
            text = cut(lines[line - 1].rstrip("\r"), 0)
            hit = Hit(self.place, self.commit, path, language, line, end_line, name, kind, container or None, text)
            yield (rank, self.place.repository_path, path, line, number), hit

    def _names(self, rank: int) -> tuple[str, list[Any]]:
        """The condition on names for a rank: equal, beginning with, or holding what is looked for."""
        query = self.wanted.query
        collate = "" if self.wanted.case_sensitive else " COLLATE NOCASE"
        begins, range_ = f"(name.name >= ?{collate} AND name.name < ?{collate})", [query, query + chr(0x10FFFF)]
        if rank == 0:
            return f"name.name = ?{collate}", [query]
        if rank == 1:
            return f"{begins} AND name.name <> ?{collate}", [*range_, query]
        if len(query) < SHORTEST_TEXT:
            return "0", []  # names that hold one or two letters somewhere are nearly all names
        holds = "instr(name.name, ?)" if self.wanted.case_sensitive else "instr(lower(name.name), lower(?))"
        narrowed = "name.id IN (SELECT rowid FROM name_text WHERE name_text MATCH ?)"
        return f"{narrowed} AND {holds} > 0 AND NOT {begins}", [_match(query), query, *range_]

    def lines(self, start: Position | None) -> Iterator[tuple[Position, Hit | None]]:
        """Lines that hold the text; for a file without one, its position alone."""
        filters, values = self._filters()
        if start is not None:
            filters, values = f"{filters} AND file.path >= ?", [*values, start[2]]
        query = (
            "SELECT file.path, blob.language, blob.text FROM file JOIN blob ON blob.id = file.blob "  # noqa: S608 - our own words only
            "WHERE file.branch = ? AND file.blob IN (SELECT rowid FROM blob_text WHERE blob_text MATCH ?)"
            f"{filters} ORDER BY file.path"
        )
        same = _as_is if self.wanted.case_sensitive else _lower
        needle = same(self.wanted.query)
        for path, language, packed in self.db.execute(query, [self.branch, _match(self.wanted.query), *values]):
            last = start[3] if start is not None and path == start[2] else 0
            for number, text in _matching(zlib.decompress(packed).decode(), needle, same, last):
                hit = Hit(self.place, self.commit, path, language, number, number, None, None, None, text)
                yield (0, self.place.repository_path, path, number, 0), hit
            yield (0, self.place.repository_path, path, 2**31, 0), None

    def _filters(self) -> tuple[str, list[Any]]:
        text, values = "", list[Any]()
        if self.wanted.path is not None:
            text, values = f"{text} AND file.path GLOB ?", [*values, self.wanted.path]
        if self.wanted.language is not None:
            text, values = f"{text} AND blob.language = ?", [*values, self.wanted.language]
        return text, values

    def _text(self, blob: int) -> str:
        packed = self.db.execute("SELECT text FROM blob WHERE id = ?", (blob,)).fetchone()[0]
        return zlib.decompress(packed).decode()


def _matching(text: str, needle: str, same: Callable[[str], str], last: int) -> Iterator[tuple[int, str]]:
    """Lines behind line `last` that hold the needle, each once, with their numbers."""
    hay, number, at = same(text), 1, 0
    place = hay.find(needle)
    while place >= 0:
        number += hay.count("\n", at, place)
        begin = hay.rfind("\n", 0, place) + 1
        end = hay.find("\n", place)
        end = len(hay) if end < 0 else end
        if number > last:
            yield number, cut(text[begin:end].rstrip("\r"), place - begin)
        number, at = number + 1, end + 1
        place = hay.find(needle, at)


def _as_is(text: str) -> str:
    return text


def _lower(text: str) -> str:
    """In lower case, letter for letter: the few that would become two stay."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def cut(line: str, place: int) -> str:
    """At most so many letters of a line, those around a place in it."""
    if len(line) <= LONGEST_LINE:
        return line
    begin = max(0, min(place - LONGEST_LINE // 2, len(line) - LONGEST_LINE))
    return (
        ("…" if begin else "") + line[begin : begin + LONGEST_LINE] + ("…" if begin + LONGEST_LINE < len(line) else "")
    )


def _match(query: str) -> str:
    """All groups of three letters that a text with this substring holds."""
    groups = dict.fromkeys(query[at : at + 3] for at in range(len(query) - 2))
    return " AND ".join('"' + group.replace('"', '""') + '"' for group in groups)


def _open(folder: Path) -> sqlite3.Connection | None:
    """The index to read, None when there is none that can be used."""
    if not (folder / FILE).is_file():
        return None
    db = sqlite3.connect(folder / FILE, isolation_level=None, timeout=5)
    db.execute("PRAGMA query_only=1")
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        db.close()
        return None
    return db


class _Closing:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._db.close()


def _encoded(position: Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> Position:
    try:
        rank, repository, path, line, number = json.loads(
            base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        )
    except (ValueError, binascii.Error, TypeError):
        raise BadCursor from None
    texts, numbers = (repository, path), (rank, line, number)
    if not all(isinstance(one, str) for one in texts) or not all(
        type(one) is int and 0 <= one < 2**62 for one in numbers
    ):
        raise BadCursor
    return rank, repository, path, line, number
