"""Frames between server and worker: a JSON head and raw bytes, in parts where they are long."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

VERSION = 1
"""Of the messages; a worker of another one is refused."""
PART = 512 * 1024
"""Most bytes of one frame's body."""
LARGEST_HEAD = 4 * 1024**2
LARGEST_FRAME = LARGEST_HEAD + PART + 4
MOST = 80 * 1024**2
"""Most bytes of all messages that are not whole yet: a push's bundle (64 MiB) and something."""

Head = dict[str, Any]
Message = tuple[Head, bytes]


class Lost(Exception):
    """The other side is gone; the text says how."""


class BadFrame(Exception):
    """The other side says what nobody may say. The connection is of no more use."""


class Channel(Protocol):
    """A connection that carries frames in order."""

    async def send(self, frame: bytes) -> None:
        """Lost when it has ended. Waits while the other side does not read."""

    async def receive(self) -> bytes:
        """The next frame; Lost when there will be none."""

    async def close(self, code: int, reason: str) -> None:
        """End it, if it has not ended. Never fails."""


def pack(head: Head, body: bytes = b"") -> Iterator[bytes]:
    """A message as frames: all but the last one say that more comes."""
    rest = memoryview(body)
    while len(rest) > PART:
        yield _frame({"id": head["id"], "more": True}, rest[:PART])
        rest = rest[PART:]
    yield _frame(head, rest)


def _frame(head: Head, body: memoryview) -> bytes:
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
    return b"".join((len(text).to_bytes(4, "big"), text, body))


def unpack(frame: bytes) -> Message:
    """Head and body of one frame. BadFrame when it is none."""
    size = int.from_bytes(frame[:4], "big")
    if len(frame) < 4 or size > min(len(frame) - 4, LARGEST_HEAD):
        raise BadFrame("A frame is cut off.")
    try:
        head = json.loads(frame[4 : 4 + size])
    except ValueError:
        raise BadFrame("A frame's head is no JSON.") from None
    if not isinstance(head, dict) or not isinstance(head.get("id", 0), int):
        raise BadFrame("A frame's head is no object with a number.")
    return head, frame[4 + size :]


class Parts:
    """Puts the frames of each message together again."""

    def __init__(self) -> None:
        self._begun: dict[int, bytearray] = {}

    def add(self, frame: bytes) -> Message | None:
        """The whole message, once its last frame is there."""
        head, body = unpack(frame)
        number = head.get("id", 0)
        if not head.get("more"):
            begun = self._begun.pop(number, None)
            return head, body if begun is None else bytes(begun + body)
        kept = self._begun.setdefault(number, bytearray())
        kept += body
        if sum(map(len, self._begun.values())) > MOST:
            raise BadFrame("A message is too long.")
        return None

    def forget(self, number: int) -> None:
        """Nobody waits for that message any more."""
        self._begun.pop(number, None)
