"""What is kept of a stream that may be endless, and how it becomes text."""

import codecs
from collections.abc import Callable

from cogmill.sandbox.protocol import OutputSink


class HeadTail:
    """Keeps the first and the last half of what it is given."""

    __slots__ = ("_half", "_head", "_tail", "_total")

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def add(self, data: bytes) -> None:
        self._total += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        # Trimming at twice the size makes the cost of a flood constant per byte.
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    @property
    def truncated(self) -> bool:
        return self._total > 2 * self._half

    def text(self) -> str:
        if not self.truncated:
            return (bytes(self._head) + bytes(self._tail)).decode("utf-8", "replace")
        cut = self._total - 2 * self._half
        marker = f"\n[... {cut} bytes cut ...]\n" if self._half >= 64 else ""
        room = self._half - len(marker) // 2 - 1 if marker else self._half
        return whole_characters(bytes(self._head[:room])) + marker + from_boundary(bytes(self._tail[-room:]))


class Head:
    """Keeps the first bytes only; raw streams of one-off processes."""

    __slots__ = ("_limit", "data")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = bytearray()

    def add(self, data: bytes) -> None:
        room = self._limit - len(self.data)
        if room > 0:
            self.data += data[:room]


class Tail:
    """Keeps the last bytes only; output of background commands."""

    __slots__ = ("_data", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * self._limit:
            del self._data[: -self._limit]

    def text(self) -> str:
        if len(self._data) <= self._limit:
            return self._data.decode("utf-8", "replace")
        return from_boundary(bytes(self._data[-self._limit :]))


class TextSink:
    """Decodes chunks as they come, so that a character split between two chunks stays whole."""

    __slots__ = ("_decoder", "_sink")

    def __init__(self, sink: OutputSink) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._sink = sink

    def add(self, data: bytes, *, final: bool = False) -> None:
        text = self._decoder.decode(data, final)
        if text:
            self._sink(text)


def whole_characters(data: bytes) -> str:
    """Decode without an incomplete last character."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data)


def from_boundary(data: bytes) -> str:
    """Decode from the first byte that can begin a character."""
    start = 0
    while start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    return data[start:].decode("utf-8", "replace")


ByteSink = Callable[[bytes], None]
