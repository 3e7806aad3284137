"""The server's side of a worker's connection: questions, each with one answer, and what commands print meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cogmill.sandbox.remote.frames import VERSION, BadFrame, Channel, Head, Lost, Message, Parts, pack

HELLO_SECONDS = 20.0
ANSWER_SECONDS = 120.0
"""How long the answer to what is quickly done may take."""
STOP_SECONDS = 5.0
"""How long a command that is cancelled may take to say that it has ended."""
NORMAL, BAD = 1000, 1008
"""Codes that a connection is closed with."""


@dataclass(slots=True)
class _Question:
    answer: asyncio.Future[Message]
    on_output: Callable[[bytes], None] | None


@dataclass(slots=True)
class Line:
    """One connection.

    When it is lost, whoever waits for an answer waits on, to be cancelled by whoever notes the loss: an error would
    read as a failed step, where in truth nobody knows how far the step came.
    """

    channel: Channel
    hello: Head = field(default_factory=dict)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = "the connection was lost"
    _questions: dict[int, _Question] = field(default_factory=dict)
    _number: int = 0
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def greet(self) -> None:
        """Hear who is there. BadFrame when it speaks otherwise than we do."""
        parts = Parts()
        async with asyncio.timeout(HELLO_SECONDS):
            message = parts.add(await self.channel.receive())
        if message is None or message[0].get("hello") != VERSION:
            raise BadFrame(f"This server speaks version {VERSION} of the outposts' protocol: install the same Cogmill.")
        self.hello = message[0]

    async def listen(self) -> None:
        """Hand out answers until the connection ends."""
        parts = Parts()
        try:
            while True:
                message = parts.add(await self.channel.receive())
                if message is not None:
                    self._hear(message)
        except Lost as lost:
            self.why = str(lost)
        except BadFrame as bad:
            self.why = str(bad)
            await self.channel.close(BAD, str(bad))
        finally:
            self.closed.set()

    def _hear(self, message: Message) -> None:
        head, body = message
        asked = self._questions.get(head.get("id", 0))
        if asked is None:
            return  # an answer to what was given up
        if head.get("printed"):
            if asked.on_output is not None:
                asked.on_output(body)
        elif not asked.answer.done():
            asked.answer.set_result(message)

    async def ask(
        self, do: str, body: bytes = b"", *, within: float = ANSWER_SECONDS,
        on_output: Callable[[bytes], None] | None = None, **arguments: Any,
    ) -> Message:  # fmt: skip
        """The answer to a question. Cancelling stops, over there, what was asked for.

        A worker that does not answer `within` so many seconds is taken for lost.
        """
        self._number += 1
        number = self._number
        asked = self._questions[number] = _Question(asyncio.get_running_loop().create_future(), on_output)
        try:
            await self._send({"id": number, "do": do, **arguments}, body)
            await asyncio.wait([asked.answer], timeout=within)
            if not asked.answer.done():
                await self.end(f"the worker did not answer ({do})")
            return await asyncio.shield(asked.answer)
        except asyncio.CancelledError:
            if not self.closed.is_set():
                await asyncio.shield(self._cancel(number, asked))
            raise
        finally:
            self._questions.pop(number, None)

    async def _cancel(self, number: int, asked: _Question) -> None:
        await self._send({"id": number, "cancel": True}, b"")
        over = asyncio.create_task(self.closed.wait())
        waiting: list[asyncio.Future[Any]] = [asked.answer, over]
        await asyncio.wait(waiting, timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()

    async def _send(self, head: Head, body: bytes) -> None:
        if self.closed.is_set():
            return
        with suppress(Lost):  # `listen` finds out, too
            async with self._sending:
                for frame in pack(head, body):
                    await self.channel.send(frame)

    async def end(self, why: str) -> None:
        """Tell the worker that there is nothing more to do, and close."""
        self.why = why
        await self._send({"id": 0, "end": why}, b"")
        await self.channel.close(NORMAL, why)
        self.closed.set()
