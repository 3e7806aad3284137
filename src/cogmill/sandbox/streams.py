"""The host's ends of the FIFOs: reading at a bounded rate, writing without ever blocking."""

import asyncio
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from pathlib import Path

from cogmill.sandbox.output import ByteSink

CHUNK = 64 * 1024
WINDOW = 0.05
FAST = 4 * 1024**2
"""Bytes per window while a command runs: about 80 MB/s, so that a flood leaves the loop free."""
SLOW = CHUNK
"""Bytes per window for what leftovers of an ended command still print."""


class Drain:
    """Reads one FIFO as data comes. Released, it goes on reading and throws away: leftovers must not die of SIGPIPE."""

    __slots__ = ("_fd", "_loop", "_rate", "_sink", "_taken", "_timer", "_until", "closed", "on_close")

    def __init__(self, path: Path, sink: ByteSink, on_close: "Callable[[Drain], None]") -> None:
        self._loop = asyncio.get_running_loop()
        # Opened by the host first, so that the writer inside never waits for a reader.
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._sink = sink
        self._rate = FAST
        self._taken = 0
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.closed = False
        self.on_close = on_close
        self._loop.add_reader(self._fd, self._ready)

    def _ready(self) -> None:
        data = self._read(CHUNK)
        if data is None:
            return
        if not data:
            self.close()
            return
        now = self._loop.time()
        if now >= self._until:
            self._until, self._taken = now + WINDOW, 0
        self._taken += len(data)
        self._sink(data)
        if self._taken >= self._rate and not self.closed:
            self._loop.remove_reader(self._fd)
            self._timer = self._loop.call_at(self._until, self._resume)

    def _resume(self) -> None:
        self._timer = None
        if not self.closed:
            self._loop.add_reader(self._fd, self._ready)

    def _read(self, size: int) -> bytes | None:
        try:
            return os.read(self._fd, size)
        except BlockingIOError:
            return None

    def release(self) -> bool:
        """Take what was written before the writer's end; True when nobody can write any more."""
        if self.closed:
            return True
        waiting = struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4))[0]
        # Only what is there now: a leftover that keeps writing must not hold us here.
        while waiting > 0 and (data := self._read(min(waiting, CHUNK))):
            waiting -= len(data)
            self._sink(data)
        self._sink = _forget
        self._rate = SLOW
        if self._read(1) == b"":
            self.close()
        return self.closed

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self.on_close(self)


class Feed:
    """Writes bytes into a FIFO that the process inside opens when it gets there."""

    __slots__ = ("_data", "_fd", "_loop", "_opened", "_path")

    def __init__(self, path: Path, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._data = memoryview(data)
        self._opened = False
        # Read-write never waits and keeps early bytes alive until the reader has come.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._loop.add_writer(self._fd, self._ready)

    def _ready(self) -> None:
        try:
            written = os.write(self._fd, self._data[:CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.close()
            return
        self._data = self._data[written:]
        if not self._data:
            self._loop.remove_writer(self._fd)
            if self._opened:
                self.close()

    def opened(self) -> None:
        """The reader is there: keep only a writing end, so that it sees the end of the data."""
        if self._opened or self._fd < 0:
            return
        self._opened = True
        self._loop.remove_writer(self._fd)
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # the reader is gone again
            self.close()
            return
        os.close(self._fd)
        self._fd = fd
        if self._data:
            self._loop.add_writer(self._fd, self._ready)
        else:
            self.close()

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1


def _forget(_: bytes) -> None:
    pass
