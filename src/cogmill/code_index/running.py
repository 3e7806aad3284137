"""Running the worker from the server: in namespaces of its own, with bounded memory and time."""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import cogmill
from cogmill.sandbox.bubblewrap import Binary, device_options, isolation_options, system_options, working_binary

Progress = Callable[["Counts"], Awaitable[None]]
_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a worker is: files to read, read so far, of those indexed, and files left out."""

    total: int
    done: int
    parsed: int
    skipped: int


class IndexFailed(Exception):
    """It cannot be done; the text says why."""


class WorkerDied(IndexFailed):
    """The worker was killed; another one goes on from where it was."""


def index_folder(data: Path, org_id: str, repository_path: str) -> Path:
    """Where the index of an organization's repository lies."""
    return data / "indexes" / org_id / hashlib.sha256(repository_path.encode()).hexdigest()[:32]


@dataclass(slots=True)
class Indexer:
    """Starts workers. `isolated`: in a sandbox that shows them the one repository and the one index."""

    isolated: bool
    memory: int
    seconds: float
    _binary: Binary | None = field(default=None, init=False)

    async def index(self, folder: Path, repository: Path, branch: str, commit: str, told: Progress) -> Counts:
        """Bring a branch of an index to a commit; answers the final counts."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return await self._run(["index", str(folder), str(repository), branch, commit], folder, repository, told)

    async def drop(self, folder: Path, branch: str) -> None:
        """Take a branch out of an index."""
        await self._run(["drop", str(folder), branch], folder, None, None)

    async def _run(self, words: list[str], folder: Path, repository: Path | None, told: Progress | None) -> Counts:
        action, *rest = words
        command = [sys.executable, "-m", "cogmill.code_index.worker", action, str(self.memory), *rest]
        if self.isolated:
            command = [*await asyncio.to_thread(self._isolation, folder, repository), "--", *command]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd="/", env=_environment(), limit=_LINE,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.seconds):
                return await _followed(process, told)
        except TimeoutError:
            raise IndexFailed(
                f"Indexing took longer than {self.seconds:g} s (index_seconds) and was stopped."
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _isolation(self, folder: Path, repository: Path | None) -> list[str]:
        if self._binary is None:
            self._binary = working_binary()
        options = isolation_options(network=False, disable_userns=self._binary.disables_userns)
        options.remove("--as-pid-1")  # a first process could not be killed by a fault of its own
        options += [*system_options(), *device_options(0)]
        for name, value in _environment().items():
            options += ["--setenv", name, value]
        for place in dict.fromkeys((sys.base_prefix, sys.prefix, str(Path(cogmill.__file__).parents[1]))):
            options += ["--ro-bind", place, place]
        if repository is not None:
            options += ["--ro-bind", str(repository), str(repository)]
        return [str(self._binary.path), *options, "--bind", str(folder), str(folder), "--remount-ro", "/"]


def _environment() -> dict[str, str]:
    """What the worker sees of the server's environment: nothing that is secret."""
    names = ("PATH", "COGMILL_CRASH_AT")
    given = {name: os.environ[name] for name in names if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **given}


async def _followed(process: Process, told: Progress | None) -> Counts:
    """Read what a worker tells until it has ended."""
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - pipes above
    counts, error = Counts(0, 0, 0, 0), ""
    complaints = asyncio.create_task(process.stderr.read(_LINE))
    try:
        async for line in process.stdout:
            facts = json.loads(line)
            if "error" in facts:
                error = str(facts["error"])
                continue
            counts = Counts(**facts)
            if told is not None:
                await told(counts)
        code = await process.wait()
        said = (await complaints).decode("utf-8", "replace").strip().splitlines()
    finally:
        complaints.cancel()
    if code < 0 or code > 128:
        raise WorkerDied(f"The indexing process was killed by signal {-code if code < 0 else code - 128}.")
    if code:
        raise IndexFailed(error or f"The indexing process failed: {said[-1][:500] if said else f'exit code {code}'}")
    return counts


def remove(folder: Path) -> None:
    """Delete an index with all that belongs to it."""
    shutil.rmtree(folder, ignore_errors=True)
