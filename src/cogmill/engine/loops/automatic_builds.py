"""Finds out that an environment is not up to date: blueprints that were changed, repositories that have moved."""

from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context
from cogmill.access.scope import Scope
from cogmill.domain.repositories.indexing import follow
from cogmill.domain.snapshot_builds import automatic
from cogmill.domain.snapshot_builds.automatic import Watched
from cogmill.engine.workspace import fetch_source
from cogmill.kit.errors import Refusal
from cogmill.kit.logs import logger
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache, read_refs
from cogmill.scm.provider import ProviderError
from cogmill.web.call import Call

log = logger("snapshots")
MOVES = "branches_of_environments"
"""The loop that looks at branches."""


async def queue_changed(call: Call) -> float | None:
    """Build what has changed and rests; answers when the next change has rested."""
    settings = call.runtime.settings
    if not settings.snapshot_auto_builds:
        return None
    quiet = settings.snapshot_quiet_seconds
    due = await call.read(lambda ctx: automatic.next_due(ctx, quiet))
    if due is None or due > call.runtime.clock():
        return due
    return await call.write(lambda ctx: automatic.queue_changed(ctx, quiet))


class Moves:
    """Looks at the branches that environments were built of, all of them now and then."""

    def __init__(self, call: Call, mirrors: MirrorCache) -> None:
        self._call, self._mirrors = call, mirrors
        self._due: float | None = None

    async def run_once(self) -> float | None:
        """Fetch what environments are made of and build where it has moved; answers when to look again."""
        runtime = self._call.runtime
        every = runtime.settings.snapshot_check_seconds
        if not runtime.settings.snapshot_auto_builds:
            return None
        if self._due is None:  # the server has just started, and so may have everything else
            self._due = runtime.clock() + min(every, 60.0)
        if runtime.clock() >= self._due:
            for one in await self._call.read(automatic.watched):
                await self._look(one)
            self._due = runtime.clock() + every
        return self._due

    async def _look(self, one: Watched) -> None:
        for part in one.made_of["parts"].values():
            if part["repo_name"] is not None and await self._has_moved(one.org_id, part):
                queued = await self._call.write(partial(_queue, one))
                log.info("environment_moved", org_id=one.org_id, repository=part["repo_name"], queued=queued)
                return

    async def _has_moved(self, org_id: str, part: dict[str, Any]) -> bool:
        """False also when it cannot be reached, or the branch is gone: a build would only fail."""
        runtime = self._call.runtime
        try:
            source = await fetch_source(runtime, self._mirrors, org_id, part["repo_name"], 0.0)
            commit = (await read_refs(source.mirror)).base(part["branch"])[1]
            await follow(Call(runtime, Scope("", org_id), "index", None), source.forge_name)
        except (Refusal, GitError, ProviderError, OSError, SQLAlchemyError) as error:
            log.info("environment_not_looked_at", org_id=org_id, repository=part["repo_name"], error=str(error)[:300])
            return False
        return bool(commit != part["commit"])


def _queue(one: Watched, ctx: Context) -> bool:
    return automatic.queue_moved(ctx, one)
