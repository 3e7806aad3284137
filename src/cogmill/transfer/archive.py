"""The file of an export: a tar of parts that are written and read one after the other, with a checksum of each.

First `manifest.json` (what this is), then `tables/NAME/000001.jsonl.gz` and `files/...`, then `parts.jsonl` (a line for
each part: its name, rows, bytes and SHA-256), last `end.json` (SHA-256 of manifest and list). Checksums of rows are
those of the lines themselves, so that they can be compared whatever packed them.
"""

import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

FORMAT, VERSION = "cogmill-export", 1
MANIFEST, PARTS, END = "manifest.json", "parts.jsonl", "end.json"
NEEDED = {"cogmill", "revision", "scope", "org_id", "name", "enterprise_id", "exported_at", "keys"}
"""What a manifest must say."""
BLOCK = 1 << 20
MOST_UNPACKED = 64 << 20
"""Of one part with rows: they are cut at a few megabytes, and a single row is no larger than a request may be."""
_NAME = re.compile(r"tables/([a-z0-9_]+)/\d{6}\.jsonl\.gz|files/(?!.*(?:^|/)\.{1,2}(?:/|$))[^\0\\]+")


class Damaged(Exception):
    """The file is no export, or not all of it is there as it was written; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an export."""

    name: str
    rows: int
    size: int
    """Of its content; packed ones are shorter in the file."""
    sha256: str

    @property
    def table(self) -> str | None:
        """Whose rows they are; None for a file."""
        return self.name.split("/")[1] if self.name.startswith("tables/") else None


class Writer:
    """Writes an export under a temporary name; `finish` gives it its own."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self._path, self._temporary = path, path.with_name(f".{path.name}.part")
        self._temporary.unlink(missing_ok=True)
        handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=BLOCK)
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        self._list = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `finish` and `discard`
        self._manifest = _json(manifest)
        self._numbers: dict[str, int] = {}
        self.rows: dict[str, int] = {}
        self.files = 0
        self._add(MANIFEST, io.BytesIO(self._manifest), len(self._manifest))

    def add_rows(self, table: str, lines: list[bytes]) -> None:
        """A part with rows of a table."""
        self.rows[table] = self.rows.get(table, 0) + len(lines)
        self._numbers[table] = self._numbers.get(table, 0) + 1
        content = b"".join(lines)
        packed = _pack(content)
        name = f"tables/{table}/{self._numbers[table]:06}.jsonl.gz"
        self._add(name, io.BytesIO(packed), len(packed))
        self._note(Part(name, len(lines), len(content), hashlib.sha256(content).hexdigest()))

    def add_file(self, name: str, source: IO[bytes], size: int) -> None:
        """A file as it is."""
        hashing = _Hashing(source)
        self._add(f"files/{name}", hashing, size)
        self.files += 1
        self._note(Part(f"files/{name}", 0, size, hashing.sha256.hexdigest()))

    def finish(self) -> dict[str, Any]:
        """Close the file and put it in its place; answers what its end says."""
        size = self._list.tell()
        self._list.seek(0)
        listed = _Hashing(self._list)
        self._add(PARTS, listed, size)
        end = {
            "manifest": hashlib.sha256(self._manifest).hexdigest(), "parts": listed.sha256.hexdigest(),
            "rows": dict(sorted(self.rows.items())), "files": self.files,
        }  # fmt: skip
        content = _json(end)
        self._add(END, io.BytesIO(content), len(content))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._list.close()
        self._temporary.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return end

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError, ValueError):
            self._file.close()
        self._list.close()
        self._temporary.unlink(missing_ok=True)

    def _add(self, name: str, source: Any, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, source)
        self._tar.members.clear()  # type: ignore[attr-defined]  # it would remember every one

    def _note(self, part: Part) -> None:
        line = {"name": part.name, "rows": part.rows, "bytes": part.size, "sha256": part.sha256}
        self._list.write(_json(line))


class _Hashing:
    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self.sha256.update(block)
        return block


def _pack(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def _unpack(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(31)
    found = unpacker.decompress(content, MOST_UNPACKED)
    if unpacker.unconsumed_tail or not unpacker.eof or unpacker.unused_data:
        raise zlib.error("not one whole part")
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


class Window:
    """A stretch of a file, to be read once."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        self._file, self._at, self._left = file, offset, size

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._at)
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        self._at += len(block)
        self._left -= len(block)
        return block


class Archive:
    """An export that is there to be read. Opening it looks at its beginning and its end; `check` at all of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self.manifest, self._manifest_sha = self._beginning()
        except BaseException:
            self._file.close()
            raise
        self.end: dict[str, Any] = {}
        self._parts_at = (0, 0)
        """Size and place of the list of parts."""

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def identity(self) -> str:
        """Tells this export from every other one."""
        return hashlib.sha256(_json(self.end)).hexdigest()

    def parts(self, skip: int = 0) -> Iterator[tuple[Part, Window]]:
        """The parts behind the first `skip`, each with its content as it lies in the file."""
        with self.path.open("rb") as listed:
            lines, members = self._listed(listed), islice(self._members(), 1, None)
            for number, (part, (name, size, offset)) in enumerate(zip(lines, members, strict=False)):
                if part.name != name:
                    raise Damaged(f"{name!r} stands where {part.name!r} belongs")
                if number >= skip:
                    self._file.seek(offset)
                    yield part, Window(self._file, offset, size)

    def check(self) -> Iterator[tuple[Part, int]]:
        """Read everything once and compare it with its checksums; answers each part with the bytes read so far."""
        self._find_end()
        rows: dict[str, int] = {}
        files, done = 0, 0
        for part, content in self.parts():
            if part.table is None:
                files += 1
                found, size = _sum_of(content)
            else:
                rows[part.table] = rows.get(part.table, 0) + part.rows
                text = unpacked(content)
                found, size = hashlib.sha256(text).hexdigest(), len(text)
                if text.count(b"\n") != part.rows:
                    raise Damaged(f"{part.name!r} has not the rows that it should have")
            if (found, size) != (part.sha256, part.size):
                raise Damaged(f"{part.name!r} is not as it was written")
            done += size
            yield part, done
        if rows != self.end["rows"] or files != self.end["files"]:
            raise Damaged("parts are missing")

    def _beginning(self) -> tuple[dict[str, Any], str]:
        try:
            name, size, offset = next(self._members())
        except StopIteration:
            raise Damaged("it is no export of Cogmill") from None
        if name != MANIFEST or size > BLOCK:
            raise Damaged("it is no export of Cogmill")
        self._file.seek(offset)
        content = self._file.read(size)
        manifest = _loaded(content)
        if manifest.get("format") != FORMAT:
            raise Damaged("it is no export of Cogmill")
        if manifest.get("version") != VERSION:
            raise Damaged(f"it has format {manifest.get('version')}, and this Cogmill reads format {VERSION}")
        if not manifest.keys() >= NEEDED or manifest["scope"] not in ("instance", "organization"):
            raise Damaged("its manifest does not say what it is")
        return manifest, hashlib.sha256(content).hexdigest()

    def _find_end(self) -> None:
        last: list[tuple[str, int, int]] = []
        for member in self._members():
            last = [*last[-1:], member]
        if [name for name, _, _ in last] != [PARTS, END] or last[1][1] > BLOCK:
            raise Damaged("its end is missing: it was cut off")
        self._file.seek(last[1][2])
        self.end = _loaded(self._file.read(last[1][1]))
        self._parts_at = last[0][1:]
        listed, size = _sum_of(Window(self._file, self._parts_at[1], self._parts_at[0]))
        is_whole = size == self._parts_at[0] and self.end.keys() >= {"rows", "files"}
        if not is_whole or self.end.get("parts") != listed or self.end.get("manifest") != self._manifest_sha:
            raise Damaged("its manifest or its list of parts is not as it was written")

    def _listed(self, file: IO[bytes]) -> Iterator[Part]:
        size, offset = self._parts_at
        file.seek(offset)
        while file.tell() < offset + size:
            line = _loaded(file.readline())
            try:
                part = Part(str(line["name"]), int(line["rows"]), int(line["bytes"]), str(line["sha256"]))
            except (KeyError, TypeError, ValueError):
                raise Damaged("its list of parts cannot be read") from None
            if _NAME.fullmatch(part.name) is None:
                raise Damaged(f"{part.name[:200]!r} is no name of a part")
            yield part

    def _members(self) -> Iterator[tuple[str, int, int]]:
        """Name, size and place of each member, from the headers alone."""
        self._file.seek(0)
        try:
            with tarfile.TarFile(fileobj=self._file, mode="r") as tar:
                while (info := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]
                    if not info.isreg():
                        raise Damaged(f"{info.name[:200]!r} is no plain file")
                    yield info.name, info.size, info.offset_data
        except (tarfile.TarError, UnicodeError, ValueError) as error:
            raise Damaged(f"it cannot be read on ({error})") from None


def unpacked(content: Any) -> bytes:
    """The lines of a part with rows."""
    try:
        return _unpack(content.read())
    except zlib.error:
        raise Damaged("a part cannot be unpacked") from None


def _sum_of(content: Any) -> tuple[str, int]:
    found, size = hashlib.sha256(), 0
    while block := content.read(BLOCK):
        found.update(block)
        size += len(block)
    return found.hexdigest(), size


def _loaded(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        raise Damaged("a list in it cannot be read") from None
    if not isinstance(found, dict):
        raise Damaged("a list in it cannot be read")
    return found
