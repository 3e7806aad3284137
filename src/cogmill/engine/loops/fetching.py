"""Fetches repositories of connections that are to be indexed and that no session has fetched yet."""

import asyncio
from collections.abc import Callable

from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.repositories import indexing, jobs, known
from cogmill.domain.repositories.jobs import Claim
from cogmill.engine.workspace import fetch_granted, forge_of
from cogmill.kit.errors import Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.scm.errors import UnknownRepository
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache
from cogmill.scm.provider import ProviderError
from cogmill.web.call import Call

log = logger("engine")
AT_ONCE = 4
"""A host that does not answer holds up no other one."""


class Fetching:
    """The fetches that run now, and the step that begins them."""

    def __init__(self, call: Call, mirrors: MirrorCache, wake: Callable[[], None]) -> None:
        self._call, self._mirrors, self._wake = call, mirrors, wake
        self._running: set[asyncio.Task[None]] = set()
        self._is_first = True

    def attempts(self) -> list[asyncio.Task[None]]:
        """Those that run now."""
        return list(self._running)

    async def run_once(self) -> None:
        """Begin as many jobs as have room; at first take up what the last process left."""
        if self._is_first:
            await self._call.write(lambda ctx: jobs.release_all(ctx, fetches=True))
            self._is_first = False
        while len(self._running) < AT_ONCE:
            claimed = await self._call.write(lambda ctx: jobs.claim(ctx, fetches=True))
            if claimed is None:
                return
            crash_point("fetch_claimed")
            task = asyncio.create_task(self._work(claimed))
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def _work(self, claimed: Claim) -> None:
        error = None
        try:
            await self._fetch(claimed)
        except asyncio.CancelledError:
            await self._call.write(lambda ctx: jobs.give_back(ctx, claimed))
            raise
        except (Refusal, GitError, ProviderError, OSError) as problem:
            error = str(problem)[:2000]
            log.warning("fetch_failed", job_id=claimed.job_id, org_id=claimed.org_id, error=error)
        await self._call.write(lambda ctx: jobs.finish(ctx, claimed, error))

    async def _fetch(self, claimed: Claim) -> None:
        """With the credentials of the connection, if the organization's permission still covers it."""
        runtime, path = self._call.runtime, claimed.repository_path
        inside = Call(runtime, Scope("", claimed.org_id), "fetch", None)
        found = await inside.read(lambda ctx: known.find(ctx, path))
        if found is None or (found.git_dir is None and found.grant is None):
            raise UnknownRepository(f"The repository {path} is not there, or may not be used any more.")
        name = found.repo_path
        if found.grant is not None:
            name, _ = await fetch_granted(runtime, self._mirrors, claimed.org_id, found.grant, 0.0)
        crash_point("repository_fetched")
        refs = await forge_of(runtime, claimed.org_id).refs(name)

        def work(ctx: Context) -> None:
            indexing.fetched(ctx, claimed, name, refs)

        await inside.write(work)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("fetch_lost", error=repr(error), exc_info=error)
        self._wake()
