"""Output of a running step as events: joined to a few per second, redacted across chunk borders, bounded."""

import asyncio
from collections.abc import Awaitable, Callable

from cogmill.engine.redaction import Redactor

FIRST_AFTER = 0.4
THEN_EVERY = 1.0
MOST_PER_STEP = 256 * 1024
MORE = "\n[more output follows; the finished step has its beginning and its end]\n"

Write = Callable[[str], Awaitable[None]]


class LiveOutput:
    """Collects what a step prints. A step that ends within `FIRST_AFTER` seconds writes no output event at all."""

    def __init__(self, redactor: Redactor, write: Write) -> None:
        self._redactor = redactor
        self._write = write
        self._held = ""
        self._taken = 0
        self._task: asyncio.Task[None] | None = None

    def add(self, text: str) -> None:
        """Take a chunk; writing happens later, so that a flood never waits for the database."""
        room = MOST_PER_STEP - self._taken
        if room <= 0:
            return
        self._held += text[:room]
        self._taken += len(text)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_AFTER)
        full = False
        while not full:
            full = self._taken >= MOST_PER_STEP
            # What is held at the very end may be the beginning of a secret; nobody will see the rest, so it goes.
            ready, self._held = self._redactor.split(self._held)
            if full:
                ready += MORE
            if ready:
                await self._write(ready)
            await asyncio.sleep(THEN_EVERY)

    async def close(self) -> None:
        """Stop; what was not written yet is part of the finished step anyway."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                raise error
