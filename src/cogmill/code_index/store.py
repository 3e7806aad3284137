"""The index of one repository: a SQLite file that a worker writes and searches read.

Contents are kept by blob, so that branches share them and a move of a branch reads only what is new. A branch's files
are exchanged in one transaction: a search sees the commit before or the commit after, never something between.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cogmill.code_index.symbols import Symbol
from cogmill.code_index.tree import Change

VERSION = 1
"""Of what is kept and how; another one is built anew."""
FILE = "index.db"
SCHEMA = """
CREATE TABLE blob (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL, language TEXT NOT NULL, text BLOB, UNIQUE (hash, language)
);
CREATE TABLE branch (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, commit_hash TEXT NOT NULL);
CREATE TABLE file (
    branch INTEGER NOT NULL, path TEXT NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (branch, path)
) WITHOUT ROWID;
CREATE INDEX file_blob ON file (blob, branch);
CREATE TABLE name (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE symbol (
    id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, name INTEGER NOT NULL, kind TEXT NOT NULL,
    line INTEGER NOT NULL, end_line INTEGER NOT NULL, container TEXT NOT NULL
);
CREATE INDEX symbol_blob ON symbol (blob);
CREATE INDEX symbol_name ON symbol (name);
CREATE INDEX name_nocase ON name (name COLLATE NOCASE);
CREATE VIRTUAL TABLE blob_text USING fts5(text, content='', tokenize='trigram', detail=none);
CREATE VIRTUAL TABLE name_text USING fts5(name, content='', tokenize='trigram', detail=none);
"""
Key = tuple[str, str]
"""Hash and language of a blob: the same bytes mean something else in another language."""


def connect(folder: Path) -> sqlite3.Connection:
    """The index in a folder, made when it is not there or of another version."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = _open(folder)
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        db.close()
        for old in folder.glob(f"{FILE}*"):
            old.unlink()
        db = _open(folder)
        db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    return db


def _open(folder: Path) -> sqlite3.Connection:
    db = sqlite3.connect(folder / FILE, isolation_level=None, timeout=30)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32000", "temp_store=MEMORY"):
        db.execute(f"PRAGMA {pragma}")
    return db


class Store:
    """Writes of one worker; nobody else writes this index meanwhile."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def commit_of(self, branch: str) -> str | None:
        """What of the branch is in the index."""
        row = self._db.execute("SELECT commit_hash FROM branch WHERE name = ?", (branch,)).fetchone()
        return row[0] if row else None

    def branches(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT name FROM branch ORDER BY name")]

    def lacking(self, keys: Iterable[Key]) -> list[Key]:
        """Those blobs that the index does not have yet."""
        query = "SELECT 1 FROM blob WHERE hash = ? AND language = ?"
        return [key for key in dict.fromkeys(keys) if self._db.execute(query, key).fetchone() is None]

    def add(self, blobs: Sequence[tuple[Key, str | None, Sequence[Symbol]]]) -> None:
        """Blobs with text and symbols, in one transaction. Text None: left out, and never read again."""
        with _Transaction(self._db):
            for (blob, language), text, symbols in blobs:
                packed = None if text is None else zlib.compress(text.encode("utf-8", "replace"), 1)
                new = self._db.execute(
                    "INSERT INTO blob (hash, language, text) VALUES (?, ?, ?)", (blob, language, packed)
                )
                if text is not None:
                    self._db.execute("INSERT INTO blob_text (rowid, text) VALUES (?, ?)", (new.lastrowid, text))
                self._add_symbols(new.lastrowid, symbols)

    def _add_symbols(self, blob: int | None, symbols: Sequence[Symbol]) -> None:
        ids: dict[str, int] = {}
        for name in dict.fromkeys(one.name for one in symbols):
            row = self._db.execute("SELECT id FROM name WHERE name = ?", (name,)).fetchone()
            if row is None:
                made = self._db.execute("INSERT INTO name (name) VALUES (?)", (name,)).lastrowid
                self._db.execute("INSERT INTO name_text (rowid, name) VALUES (?, ?)", (made, name))
                ids[name] = made or 0
            else:
                ids[name] = row[0]
        self._db.executemany(
            "INSERT INTO symbol (blob, name, kind, line, end_line, container) VALUES (?, ?, ?, ?, ?, ?)",
            [(blob, ids[one.name], one.kind, one.line, one.end_line, one.container) for one in symbols],
        )

    def switch(self, branch: str, commit: str, changes: Iterable[tuple[Change, str]], *, whole: bool) -> None:
        """Let the branch be at a commit. `whole`: the changes are all its files, with the language of each."""
        with _Transaction(self._db):
            self._db.execute(
                "INSERT INTO branch (name, commit_hash) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET commit_hash = excluded.commit_hash", (branch, commit),
            )  # fmt: skip
            number = self._db.execute("SELECT id FROM branch WHERE name = ?", (branch,)).fetchone()[0]
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS left (blob INTEGER PRIMARY KEY)")
            if whole:
                self._leave(number, None)
            for change, language in changes:
                if not whole:
                    self._leave(number, change.path)
                if change.blob is not None:
                    self._db.execute(
                        "INSERT OR REPLACE INTO file SELECT ?, ?, id FROM blob WHERE hash = ? AND language = ?",
                        (number, change.path, change.blob, language),
                    )
            self._forget_left()
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # on disk before anybody is told

    def drop(self, branch: str) -> None:
        """Take a branch out, with the contents that no other branch has."""
        with _Transaction(self._db):
            row = self._db.execute("SELECT id FROM branch WHERE name = ?", (branch,)).fetchone()
            if row is not None:
                self._db.execute("CREATE TEMP TABLE IF NOT EXISTS left (blob INTEGER PRIMARY KEY)")
                self._leave(row[0], None)
                self._db.execute("DELETE FROM branch WHERE id = ?", row)
                self._forget_left()
        for table in ("blob_text", "name_text"):  # their marks of deleted entries would stay otherwise
            self._db.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def forget_strays(self) -> None:
        """Contents that no branch has: read for a commit that was given up."""
        with _Transaction(self._db):
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS left (blob INTEGER PRIMARY KEY)")
            self._db.execute("INSERT INTO left SELECT id FROM blob WHERE id NOT IN (SELECT blob FROM file)")
            self._forget_left()

    def _leave(self, branch: int, path: str | None) -> None:
        """Take one file, or all, out of a branch and note the contents that may be nobody's now."""
        where, values = ("branch = ?", [branch]) if path is None else ("branch = ? AND path = ?", [branch, path])
        self._db.execute(f"INSERT OR IGNORE INTO left SELECT blob FROM file WHERE {where}", values)  # noqa: S608
        self._db.execute(f"DELETE FROM file WHERE {where}", values)  # noqa: S608

    def _forget_left(self) -> None:
        dead = "SELECT id, text FROM blob WHERE id IN (SELECT blob FROM left) AND id NOT IN (SELECT blob FROM file)"
        for blob, packed in self._db.execute(dead).fetchall():
            if packed is not None:
                text = zlib.decompress(packed).decode()
                self._db.execute("INSERT INTO blob_text (blob_text, rowid, text) VALUES ('delete', ?, ?)", (blob, text))
            names = self._db.execute("SELECT DISTINCT name FROM symbol WHERE blob = ?", (blob,)).fetchall()
            self._db.execute("DELETE FROM symbol WHERE blob = ?", (blob,))
            self._db.execute("DELETE FROM blob WHERE id = ?", (blob,))
            self._forget_names([row[0] for row in names])
        self._db.execute("DELETE FROM left")

    def _forget_names(self, names: Iterable[int]) -> None:
        for one in names:
            if self._db.execute("SELECT 1 FROM symbol WHERE name = ? LIMIT 1", (one,)).fetchone() is None:
                (text,) = self._db.execute("SELECT name FROM name WHERE id = ?", (one,)).fetchone()
                self._db.execute("INSERT INTO name_text (name_text, rowid, name) VALUES ('delete', ?, ?)", (one, text))
                self._db.execute("DELETE FROM name WHERE id = ?", (one,))


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def batches(blobs: Iterable[tuple[Key, str | None, Sequence[Symbol]]], most: int, letters: int) -> Iterator[
    list[tuple[Key, str | None, Sequence[Symbol]]]
]:  # fmt: skip
    """Cut into pieces of at most so many blobs and about so many letters of text."""
    part: list[tuple[Key, str | None, Sequence[Symbol]]] = []
    size = 0
    for one in blobs:
        part.append(one)
        size += len(one[1] or "")
        if len(part) >= most or size >= letters:
            yield part
            part, size = [], 0
    if part:
        yield part
