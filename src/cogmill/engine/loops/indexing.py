"""Indexes repositories: one job after the other, in a process of its own; sleeps until it is told of one."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from cogmill.access.context import Context, Runtime
from cogmill.access.scope import Scope
from cogmill.code_index import searching
from cogmill.code_index.running import Counts, Indexer, IndexFailed, WorkerDied, index_folder, remove
from cogmill.domain.repositories import indexing, jobs, known
from cogmill.domain.repositories.jobs import Claim
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.models.repositories import indexed_branch, indexed_repository
from cogmill.scm.errors import UnknownRepository
from cogmill.scm.git import GitError
from cogmill.web.call import Call

log = logger("engine")
ATTEMPTS = 4
"""Of one job whose process dies: it goes on where it was, and past a file at which it died twice."""
TOLD_EVERY_SECONDS = 1.0
Wanted = dict[tuple[str, str], set[str]]
"""Which branches of which repositories of which organizations are indexed."""


def indexer_of(runtime: Runtime) -> Indexer:
    settings = runtime.settings
    return Indexer(not settings.unsafe_no_sandbox, settings.index_memory, settings.index_seconds)


async def run_once(call: Call, indexer: Indexer) -> bool:
    """Do the oldest job that waits; False when there is none."""
    claimed = await call.write(jobs.claim)
    if claimed is None:
        return False
    crash_point("index_claimed")
    error = None
    try:
        counts = await _index(call, indexer, claimed)
        await call.write(lambda ctx: jobs.write(ctx, claimed, **_columns(counts)))
    except asyncio.CancelledError:
        await call.write(lambda ctx: jobs.give_back(ctx, claimed))
        raise
    except (IndexFailed, GitError, UnknownRepository, OSError) as problem:
        error = str(problem)[:2000]
        log.warning("indexing_failed", job_id=claimed.job_id, org_id=claimed.org_id, error=error)
    crash_point("index_built")
    await call.write(lambda ctx: jobs.finish(ctx, claimed, error))
    return True


async def _index(call: Call, indexer: Indexer, claimed: Claim) -> Counts:
    runtime = call.runtime
    inside = Call(runtime, Scope("", claimed.org_id), "index", None)
    found = await inside.read(lambda ctx: known.find(ctx, claimed.repository_path))
    if found is None or found.git_dir is None:
        raise UnknownRepository(f"The repository {claimed.repository_path} is not there, or may not be used any more.")
    folder = index_folder(runtime.settings.data, claimed.org_id, claimed.repository_path)
    told = _Told(call, claimed)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await indexer.index(folder, found.git_dir, claimed.branch_name, claimed.commit, told)
        except WorkerDied:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def _columns(counts: Counts) -> dict[str, int]:
    return {
        "files_total": counts.total, "files_done": counts.done, "files_parsed": counts.parsed,
        "files_skipped": counts.skipped,
    }  # fmt: skip


@dataclass(slots=True)
class _Told:
    """Writes progress down, not more often than anybody looks. Stops a worker whose job is gone."""

    call: Call
    claimed: Claim
    _last: float = field(default=0.0, init=False)

    async def __call__(self, counts: Counts) -> None:
        if time.monotonic() - self._last < TOLD_EVERY_SECONDS:
            return
        self._last = time.monotonic()
        if not await self.call.write(lambda ctx: jobs.write(ctx, self.claimed, **_columns(counts))):
            raise IndexFailed("The job was taken away: indexing was turned off, or another process has it.")


async def tidy(data: Path, indexer: Indexer, wanted: Wanted) -> int:
    """Delete indexes, and branches of indexes, that nobody wants any more; answers how many. Safe at any time."""
    removed = 0
    kept = {index_folder(data, org_id, path): branches for (org_id, path), branches in wanted.items()}
    for folder in await asyncio.to_thread(lambda: list(_folders(data / "indexes"))):
        if folder not in kept:
            await asyncio.to_thread(remove, folder)
            removed += 1
            continue
        for branch in await asyncio.to_thread(searching.branches, folder):
            if branch not in kept[folder]:
                await indexer.drop(folder, branch)
                removed += 1
    return removed


def _wanted(ctx: Context) -> Wanted:
    found: Wanted = {}
    columns = indexed_branch.c
    for row in ctx.db.execute(select(columns.org_id, columns.repository_path, columns.branch_name)):
        found.setdefault((row.org_id, row.repository_path), set()).add(row.branch_name)
    return found


def _folders(root: Path) -> Iterator[Path]:
    return (folder for folder in root.glob("*/*") if folder.is_dir())


async def catch_up(call: Call) -> None:
    """Look at every indexed repository once: its branches may have moved when nobody could tell us."""
    rows = await call.read(lambda ctx: ctx.db.execute(select(indexed_repository)).all())
    for row in rows:
        inside = Call(call.runtime, Scope("", row.org_id), "index", None)
        with contextlib.suppress(GitError, OSError):  # a broken repository says so when it is indexed
            await indexing.follow(inside, row.repository_path)


class Indexing:
    """The loop of one server process."""

    def __init__(self, runtime: Runtime) -> None:
        self._call = Call(runtime, Scope("", None), "index", None)
        self._indexer = indexer_of(runtime)
        self._tidied: Wanted | None = None

    async def run_once(self) -> None:
        """At first take up what the last process left; then remove what nobody wants and index what waits."""
        is_first = self._tidied is None
        if is_first:
            await self._call.write(jobs.release_all)
        while True:
            wanted = await self._call.read(_wanted)
            if wanted != self._tidied:
                await self._tidy(wanted)
            if is_first:
                await catch_up(self._call)
                is_first = False
            if not await run_once(self._call, self._indexer):
                return

    async def _tidy(self, wanted: Wanted) -> None:
        try:
            await tidy(self._call.runtime.settings.data, self._indexer, wanted)
            self._tidied = wanted
        except IndexFailed:  # tried again in a minute
            log.exception("index_not_tidied")
