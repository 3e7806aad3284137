"""Mirrors on the worker: bare repositories that grow by what the server sends, and that sandboxes see read-only."""

from pathlib import Path
from typing import Any

from cogmill.sandbox.remote.host import Answer, Folders, Other
from cogmill.scm.git import Bounds, run_git
from cogmill.scm.locks import file_lock

_SECONDS = 1800.0
Head = dict[str, Any]


class Mirrors:
    """What the server may ask of them. Several workers of one machine may share them."""

    def __init__(self, folders: Folders, incoming: Path) -> None:
        self._folders = folders
        self._incoming = incoming

    @property
    def others(self) -> dict[str, Other]:
        """By the names that the server asks by."""
        return {"mirror_tips": self._tips, "mirror_part": self._part, "mirror_add": self._add}

    async def _tips(self, head: Head, _body: bytes) -> Answer:
        """The commits that are here, one a line."""
        mirror = self._folders.mirror(head["key"])
        if not (mirror / "HEAD").exists():
            return {"tips": False}, b""
        said = await run_git(["for-each-ref", "--format=%(objectname)"], git_dir=mirror)
        return {"tips": True}, said

    async def _part(self, head: Head, body: bytes) -> Answer:
        """A piece of a bundle."""
        file = self._file(head["key"])
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb" if head["offset"] == 0 else "r+b") as bundle:
            bundle.seek(head["offset"])
            bundle.write(body)
        return {}, b""

    async def _add(self, head: Head, body: bytes) -> Answer:
        """The bundle is whole: take its commits in. `body`: where the history begins, if it is cut short."""
        mirror = self._folders.mirror(head["key"])
        mirror.parent.mkdir(parents=True, exist_ok=True)
        async with file_lock(mirror.with_suffix(".lock"), _SECONDS):
            if not (mirror / "HEAD").exists():
                kind = f"--object-format={head['object_format']}"
                await run_git(["init", "--bare", "--quiet", "--template=", kind, str(mirror)])
            if body:
                (mirror / "shallow").write_bytes(body)
            if head["size"]:
                file = self._file(head["key"])
                fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(file), "+refs/*:refs/*"]
                await run_git(fetch, git_dir=mirror, bounds=Bounds(timeout=_SECONDS))
                file.unlink()
        return {}, b""

    def _file(self, key: str) -> Path:
        return self._incoming / self._folders.mirror(key).name
