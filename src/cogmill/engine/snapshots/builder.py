"""Runs waiting builds, a few at once, none of them twice."""

import asyncio
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Runtime
from cogmill.access.scope import Scope
from cogmill.domain.snapshot_builds import runs
from cogmill.engine.loops import snapshots
from cogmill.engine.snapshots.build import Build
from cogmill.kit.logs import logger
from cogmill.sandbox.protocol import SandboxDriver
from cogmill.scm.mirrors import MirrorCache
from cogmill.web.call import Call

log = logger("snapshots")
AGAIN_SECONDS = 5.0


class SnapshotBuilder:
    """Sleeps until a build is queued or has ended."""

    def __init__(self, runtime: Runtime, driver: SandboxDriver, mirrors: MirrorCache, stopping: asyncio.Event) -> None:
        self._runtime, self._driver, self._mirrors, self._stopping = runtime, driver, mirrors, stopping
        self._running: dict[str, asyncio.Task[None]] = {}
        self._queued = asyncio.Event()
        self._is_held = False
        self._call = Call(runtime, Scope("", None), "builds", None)
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what the last process left."""
        await self._call.write(runs.take_up)
        self._queued.set()
        self._loops = [asyncio.create_task(self._pump()), asyncio.create_task(self._clean_up())]

    def wake(self) -> None:
        """A build waits."""
        self._queued.set()

    def hold(self, is_held: bool) -> None:
        """Begin no build while it is held."""
        self._is_held = is_held
        self.wake()

    def cancelled(self, build_id: str) -> None:
        """Kill a build's run."""
        task = self._running.get(build_id)
        if task is not None:
            task.cancel()

    async def stop(self) -> None:
        """Cut what runs; it begins anew with the next start."""
        self._stopping.set()
        tasks = [*self._loops, *self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=10)

    async def _pump(self) -> None:
        while True:
            await self._queued.wait()
            self._queued.clear()
            try:
                while len(self._running) < self._runtime.settings.max_running_builds and await self._claim():
                    pass
            except SQLAlchemyError:
                log.exception("builds_not_claimed")
                asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.wake)

    async def _claim(self) -> bool:
        row = None if self._is_held else await self._call.write(runs.claim_next)
        if row is None:
            return False
        build = Build(self._runtime, self._driver, self._mirrors, row, self._stopping)
        task = asyncio.create_task(build.run())
        self._running[row.build_id] = task
        task.add_done_callback(partial(self._ended, row.build_id))
        return True

    def _ended(self, build_id: str, task: asyncio.Task[None]) -> None:
        self._running.pop(build_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("build_lost", build_id=build_id, error=repr(error), exc_info=error)
        self.wake()

    async def _clean_up(self) -> None:
        settings = self._runtime.settings
        while True:
            try:
                keep = settings.snapshot_keep_hours * 3600
                await snapshots.run_once(self._call, settings.data, keep, self._running.keys())
            except (OSError, SQLAlchemyError):
                log.exception("clean_up_failed")
            await asyncio.sleep(snapshots.EVERY_SECONDS)
