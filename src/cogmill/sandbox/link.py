"""The host's end of a supervisor: requests out, events in, the FIFOs of each running call."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from cogmill.sandbox.launch import Launched, Launcher
from cogmill.sandbox.output import ByteSink
from cogmill.sandbox.processes import find, is_forged, kill_all, tag_range
from cogmill.sandbox.protocol import SandboxError, StopReason
from cogmill.sandbox.staging import STARTER
from cogmill.sandbox.streams import Drain, Feed

START_SECONDS = 15.0
KILLED = 137
"""Exit code of what was killed before it could tell one."""
_MAX_LINE = 256
_MAX_STRANGE = 1000
_MAX_LINGERING = 64


@dataclass(eq=False, slots=True)
class Call:
    """One request under way."""

    id: int
    tag: int
    ended: asyncio.Future[int | None]
    """Exit status; None when the sandbox died."""
    is_job: bool = False
    drains: list[Drain] = field(default_factory=list)
    feed: Feed | None = None
    stopped: StopReason | None = None
    files: list[str] = field(default_factory=list)
    search: asyncio.Task[None] | None = None
    heard: set[bytes] = field(default_factory=set)
    """Kinds of events that came; each comes once."""


@dataclass(slots=True)
class Request:
    """What the supervisor is asked to do."""

    op: str
    text: bytes
    flags: str = ""
    feed: bytes | None = None
    sinks: tuple[ByteSink, ...] = ()
    """One sink: combined output. Two: stdout and stderr."""


class Link:
    """Lives from one start to the supervisor's end."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.folders = launcher.folders
        self.calls: dict[int, Call] = {}
        self.root = 0
        """The supervisor's pid on the host."""
        self.alive = False
        self.on_end: Callable[[Call], None] = lambda _: None
        self._loop = asyncio.get_running_loop()
        self._tags = tag_range()
        self._last_id = 0
        self._lingering: list[Drain] = []
        self._buffer = b""
        self._strange = 0
        self._ready = self._loop.create_future()
        self.gone = asyncio.Event()
        self._fds: list[int] = []
        self._launched: Launched | None = None

    async def open(self) -> None:
        await asyncio.to_thread(self.launcher.prepare)
        try:
            await self._open()
        except BaseException:
            await self.kill()
            raise

    async def _open(self) -> None:
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        self._events = self._own(os.open(self.folders.control / "events", os.O_RDWR | os.O_NONBLOCK | flags))
        self._state = self._own(os.open(self.folders.state, os.O_RDONLY | os.O_DIRECTORY | flags))
        self._loop.add_reader(self._events, self._on_events)
        try:
            launched = await self._launch()
            done, _ = await asyncio.wait([self._ready], timeout=START_SECONDS)
        finally:
            await self._loop.run_in_executor(STARTER, self.launcher.settle)
        if not done or not self._ready.result():
            raise SandboxError(f"The sandbox could not be started: {self._complaint() or 'no answer from its shell'}")
        self.root = self.launcher.supervisor(launched.process.pid)
        if not self.root:
            raise SandboxError("The sandbox died while it started.")
        self._init = self._own(os.pidfd_open(self.root))
        self._close_one(launched.errors)
        self.alive = True

    async def _launch(self) -> Launched:
        starting = self._loop.run_in_executor(STARTER, self.launcher.launch)
        try:
            launched = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # It may come to life all the same: wait for it, so that `kill` finds it.
            with contextlib.suppress(OSError):
                self._take(await starting)
            raise
        except OSError as error:
            raise SandboxError(f"The sandbox could not be started: {error}") from error
        self._take(launched)
        return launched

    def _take(self, launched: Launched) -> None:
        self._launched = launched
        self._own(launched.requests)
        self._own(launched.errors)
        self._exit = self._own(os.pidfd_open(launched.process.pid))
        self._loop.add_reader(self._exit, self._on_exit)

    def _own(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def _close_one(self, fd: int) -> None:
        if fd in self._fds:
            self._fds.remove(fd)
            os.close(fd)

    def _complaint(self) -> str:
        launched = self._launched
        if launched is None or launched.errors not in self._fds:
            return ""
        try:
            return os.read(launched.errors, 4096).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def is_leftover(self, tag: int) -> bool:
        """Whether a mark is that of a command which has ended."""
        return (tag in self._tags or is_forged(tag)) and all(call.tag != tag for call in self.calls.values())

    # Requests

    def begin(self, request: Request) -> Call:
        """Everything a call needs is in place before the supervisor hears of it."""
        if not self.alive or self._launched is None:
            raise SandboxError("The sandbox is not running; start it again.")
        self._strange //= 2  # over a long life some news come late, after a command was stopped
        self._last_id += 1
        number = self._last_id
        # Rising: a process can lower its own mark but never take that of a later command.
        tag = self._tags[number % len(self._tags)]
        call = Call(number, tag, self._loop.create_future(), is_job=request.op == "job")
        try:
            self._equip(call, request)
            flags = request.flags + ("i" if request.feed is not None else "")
            os.write(self._launched.requests, f"{request.op} {number} {tag} {flags}\n".encode())
        except OSError as error:
            self.finish(call)
            raise SandboxError(f"The sandbox does not take the command: {error}") from error
        self.calls[number] = call
        return call

    def _equip(self, call: Call, request: Request) -> None:
        control = self.folders.control
        call.files.append(f"{call.id}.cmd")
        path = control / call.files[0]
        path.write_bytes(request.text)
        path.chmod(0o644)
        for name, sink in zip(("out", "err"), request.sinks, strict=False):
            call.files.append(f"{call.id}.{name}")
            call.drains.append(Drain(self.folders.fifo(call.files[-1]), sink, lambda _: self._on_silence(call)))
        if request.feed is not None:
            call.files.append(f"{call.id}.in")
            call.feed = Feed(self.folders.fifo(call.files[-1]), request.feed)

    def _on_silence(self, call: Call) -> None:
        """Nobody holds the output any more. Usually the end follows at once; a `kill -9 -1` takes its teller along."""
        if not call.ended.done() and all(drain.closed for drain in call.drains):
            call.search = asyncio.create_task(self._search(call), name="sandbox-search")

    async def _search(self, call: Call) -> None:
        missing = 0
        while missing < 2 and not call.ended.done():
            await asyncio.sleep(0.2)
            left = await asyncio.to_thread(find, self.root, lambda tag: tag == call.tag)
            missing = 0 if left else missing + 1
        self._end(call, KILLED)

    def finish(self, call: Call) -> None:
        """Take the rest of the output and clean up; leftovers may go on printing, unheard."""
        self.calls.pop(call.id, None)
        if call.search is not None:
            call.search.cancel()
        if call.feed is not None:
            call.feed.close()
        for drain in call.drains:
            if not drain.release():
                drain.on_close = self._forget
                self._lingering.append(drain)
        while len(self._lingering) > _MAX_LINGERING:
            self._lingering[0].close()
        for name in call.files:
            with contextlib.suppress(OSError):
                (self.folders.control / name).unlink()

    def _forget(self, drain: Drain) -> None:
        self._lingering.remove(drain)

    # Events: written by whoever is inside, so nothing in them is trusted beyond its own session.

    def _on_events(self) -> None:
        try:
            self._buffer += os.read(self._events, 65536)
        except BlockingIOError:
            return
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if not self._event(line.split()):
                self._strange += 1
        if len(self._buffer) > _MAX_LINE or self._strange > _MAX_STRANGE:
            self._loop.remove_reader(self._events)
            self.signal_init()

    def _event(self, words: list[bytes]) -> bool:
        if words == [b"ready"] and not self._ready.done():
            self._ready.set_result(True)
            return True
        if len(words) < 2 or not words[1].isdigit() or len(words[1]) > 9:
            return False
        call = self.calls.get(int(words[1]))
        if call is None or words[0] in call.heard:
            return False
        call.heard.add(words[0])
        match words[0]:
            case b"open" if call.feed is not None:
                call.feed.opened()
            case b"saved":
                self._keep_state()
            case b"end" if len(words) == 3 and words[2].isdigit() and len(words[2]) <= 3:
                self._end(call, int(words[2]))
            case _:
                return False
        return True

    def _keep_state(self) -> None:
        # Names inside a folder held open: whatever lies there, the host neither follows nor reads it.
        with contextlib.suppress(OSError):
            os.rename("new", "shell", src_dir_fd=self._state, dst_dir_fd=self._state)

    def _end(self, call: Call, status: int | None) -> None:
        if not call.ended.done():
            call.ended.set_result(status)
            self.on_end(call)

    # The end

    def _on_exit(self) -> None:
        self.alive = False
        if self._launched is not None:
            self._launched.process.poll()
        if not self._ready.done():
            self._ready.set_result(False)
        self._loop.remove_reader(self._exit)
        self.gone.set()
        for call in list(self.calls.values()):
            call.stopped = call.stopped or "sandbox_died"
            self._end(call, None)
        if self.root:
            self._release()

    def _release(self) -> None:
        for drain in list(self._lingering):
            drain.close()
        fds, self._fds = self._fds, []
        for fd in fds:
            self._loop.remove_reader(fd)
            os.close(fd)

    def signal_init(self) -> None:
        """Kill the first process of the namespace: the kernel then kills all others."""
        if self.root and self._init in self._fds:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    async def kill(self) -> None:
        """Everything ends; returns when it has, at the latest after about two seconds."""
        self.alive = False
        if self._launched is not None:
            process = self._launched.process
            if self.root and not self.launcher.isolated:
                # No namespace that falls with its first process: everything below it has to be found.
                await asyncio.to_thread(kill_all, self.root, lambda _: True)
            self.signal_init()
            if not self.root or not await self._wait_gone(1.5):
                if process.returncode is None:
                    process.kill()
                await self._wait_gone(0.4)
        self._release()

    async def _wait_gone(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.gone.wait(), seconds)
        except TimeoutError:
            return False
        return True
