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
    """Collects what a step prints. Use as an async context manager around the step.

    A step that ends within `FIRST_AFTER` seconds writes no output event at all; else the events hold all of its
    output, up to `MOST_PER_STEP`.
    """

    def __init__(self, redactor: Redactor, write: Write) -> None:
        self._redactor = redactor
        self._write = write
        self._held = ""
        self._taken = 0
        self._is_shown = False
        self._ended = asyncio.Event()
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
        pause = FIRST_AFTER
        while not await self._ends_within(pause):
            pause = THEN_EVERY
            ready, self._held = self._redactor.split(self._held)
            if self._taken >= MOST_PER_STEP:
                # What is held at the very end may be the beginning of a secret; nobody will see the rest, so it goes.
                self._held = ""
                await self._write(ready + MORE)
                return
            if ready:
                self._is_shown = True
                await self._write(ready)

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._ended.wait()
        except TimeoutError:
            return False

    async def __aenter__(self) -> "LiveOutput":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is None:
            return
        is_cut = kind is not None and not issubclass(kind, Exception)
        if is_cut:
            self._task.cancel()
        self._ended.set()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error
        if self._is_shown and self._held and not is_cut:
            await self._write(self._redactor.text(self._held))
