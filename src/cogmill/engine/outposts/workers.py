"""The workers that are connected to this server, each with the one session that it serves."""

import asyncio
from dataclasses import replace
from functools import partial

from cogmill.engine.outposts.driver import OutpostDriver
from cogmill.engine.runner import Tools, run_session
from cogmill.kit import metrics
from cogmill.kit.logs import logger
from cogmill.sandbox.remote.attachment import Attachment
from cogmill.sandbox.remote.frames import BadFrame, Lost

log = logger("engine")
AGAIN_AFTER = 5.0
"""Seconds until a run that failed unforeseen is tried once more."""


class Workers:
    """Runs sessions of outposts beside the queue: they take no place of this server's sandboxes."""

    def __init__(self, tools: Tools, tasks: dict[int, asyncio.Task[None]]) -> None:
        """`tasks`: the engine's runs by their sessions' row ids, whoever they are served by."""
        self._tools = tools
        self._tasks = tasks
        self._held: dict[int, Attachment] = {}
        self._again: set[int] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._is_held = False

    async def attached(self, one: Attachment) -> str:
        """Serve a session over a worker's connection until either side ends that; answers why it ended."""
        try:
            await one.line.greet()
        except (Lost, BadFrame, TimeoutError) as error:
            return str(error) or "the worker said nothing"
        self._held[one.row_id] = one
        metrics.OUTPOST_WORKERS.set(len(self._held))
        listening = asyncio.create_task(one.line.listen())
        try:
            self.wanted(one.row_id)
            await one.line.closed.wait()
        finally:
            listening.cancel()
            if self._held.get(one.row_id) is one:
                del self._held[one.row_id]
            metrics.OUTPOST_WORKERS.set(len(self._held))
        return one.line.why

    def wanted(self, row_id: int) -> None:
        """Run a session, if a worker is there for it; if one is just running it, once more when that has ended."""
        if row_id not in self._held or self._is_held or self._tools.stopping.is_set():
            return
        if row_id in self._tasks:
            self._again.add(row_id)
            return
        task = self._tasks[row_id] = asyncio.create_task(self._run(row_id, self._held[row_id]))
        task.add_done_callback(partial(self._ended, row_id))

    def hold(self, is_held: bool) -> None:
        """Begin no run, or begin them again."""
        was_held, self._is_held = self._is_held, is_held
        for row_id in list(self._held) if was_held and not is_held else ():
            self.wanted(row_id)

    def let_go(self, row_id: int, why: str) -> None:
        """The session is over, asleep or given back: its worker has nothing more to do."""
        one = self._held.pop(row_id, None)
        if one is not None:
            task = asyncio.create_task(one.line.end(why))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _run(self, row_id: int, one: Attachment) -> None:
        tools = replace(self._tools, driver=OutpostDriver(one))
        if await run_session(tools, row_id) == "again":
            self._again.add(row_id)

    def _ended(self, row_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(row_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("run_lost", row=row_id, error=repr(error), exc_info=error)
            asyncio.get_running_loop().call_later(AGAIN_AFTER, self.wanted, row_id)
        if row_id in self._again:
            self._again.discard(row_id)
            self.wanted(row_id)
