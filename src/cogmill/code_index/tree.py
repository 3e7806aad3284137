"""Reading a bare repository with git: the files of a commit, what differs between two, and contents one by one.

Blocking: for the worker process. Never a clone that an agent can write to (docs/decisions/0005).
"""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from cogmill.scm.git import GitError, environment, last_words

_FILE_MODES = {b"100644", b"100755"}
"""No links and no submodules."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path and its blob; None: the path is gone, or is no plain file any more."""

    path: str
    blob: str | None


class Git:
    """One bare repository."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def files(self, commit: str) -> Iterator[Change]:
        """Every file of a commit."""
        for record in self._records("ls-tree", "-r", "-z", "--full-tree", commit):
            about, _, path = record.partition(b"\t")
            mode, _, blob = about.split(b" ")
            if mode in _FILE_MODES:
                yield Change(_path(path), blob.decode())

    def changes(self, old: str, new: str) -> Iterator[Change]:
        """What `new` has otherwise than `old`."""
        records = self._records("diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", old, new)
        for about in records:
            _, mode, _, blob, _ = about.split(b" ")
            path = _path(next(records))
            yield Change(path, blob.decode() if mode in _FILE_MODES else None)

    def has_commit(self, commit: str) -> bool:
        command = self._command("cat-file", "-e", f"{commit}^{{commit}}")
        return subprocess.run(command, env=environment(), capture_output=True, check=False, cwd="/").returncode == 0

    def _command(self, *args: str) -> list[str]:
        return ["git", f"--git-dir={self._repository}", *args]

    def _records(self, *args: str) -> Iterator[bytes]:
        """Records that git prints with NUL behind each."""
        process = subprocess.Popen(
            self._command(*args), env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd="/",
        )  # fmt: skip
        with process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - pipes above
            left = b""
            while chunk := process.stdout.read(1 << 16):
                *whole, left = (left + chunk).split(b"\0")
                yield from whole
            said = process.stderr.read()
        if process.returncode:
            raise GitError(last_words(said) or f"git {args[0]} failed", exit_code=process.returncode)


class Blobs:
    """Contents of blobs, through one long-lived `git cat-file --batch`; sizes are asked for first."""

    def __init__(self, repository: Path, largest: int) -> None:
        self._repository, self._largest = repository, largest
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for mode in ("--batch-check", "--batch"):
            command = ["git", f"--git-dir={self._repository}", "cat-file", mode]
            self._processes.append(
                subprocess.Popen(command, env=environment(), cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            with process:
                pass

    def read(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Each blob with its content; None when it is too large. Only one content is held at a time."""
        for blob in blobs:
            checked, _, size = self._ask(0, blob)
            if checked != blob:
                raise GitError(f"The repository lacks the object {blob}.")
            if size > self._largest:
                yield blob, None
                continue
            _, output, length = self._ask(1, blob)
            content = output.read(length)
            output.read(1)
            yield blob, content

    def _ask(self, which: int, blob: str) -> tuple[str, IO[bytes], int]:
        process = self._processes[which]
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - pipes above
        process.stdin.write(blob.encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline().decode().split()
        if len(answer) != 3:
            raise GitError(f"The repository lacks the object {blob}.")
        return answer[0], process.stdout, int(answer[2])


def _path(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
