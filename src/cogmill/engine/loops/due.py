"""Repeats a loop's `run_once` whenever something of it is due: asleep until then, awake at once when told of more."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from cogmill.kit import metrics
from cogmill.kit.clock import Clock
from cogmill.kit.logs import logger

log = logger("engine")
RunOnce = Callable[[], Awaitable[float | None]]
"""Does what is due and answers when the next thing will be, in unix seconds; None: nothing is known of."""


class DueLoop:
    """One loop. Without anything due it looks again after a while: a clock may be set, another process may write."""

    LONGEST_SLEEP = 60.0
    AFTER_FAILURE = 5.0

    def __init__(self, name: str, run_once: RunOnce, clock: Clock) -> None:
        self._name = name
        self._run_once = run_once
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may be due earlier than was known."""
        self._woken.set()

    async def run(self) -> None:
        """For ever, until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                due = await self._run_once()
            except (OSError, SQLAlchemyError):
                metrics.LOOP_FAILURES.labels(self._name).inc()
                log.exception("loop_failed", loop=self._name)
                due = self._clock() + self.AFTER_FAILURE
            pause = self.LONGEST_SLEEP if due is None else min(max(due - self._clock(), 0.0), self.LONGEST_SLEEP)
            try:
                await asyncio.wait_for(self._woken.wait(), pause)
            except TimeoutError:
                continue
