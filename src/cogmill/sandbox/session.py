"""A session's sandbox over a long-lived supervisor; the same for every driver."""

import asyncio
import re
import signal
import time
from collections.abc import Callable, Mapping

from cogmill.sandbox import files, processes
from cogmill.sandbox.jobs import Jobs
from cogmill.sandbox.launch import Launcher
from cogmill.sandbox.link import Call, Link, Request
from cogmill.sandbox.output import Head, HeadTail, TextSink
from cogmill.sandbox.protocol import (
    CommandResult,
    ExecResult,
    Job,
    OutputSink,
    SandboxError,
    SandboxSpec,
    StopReason,
)
from cogmill.sandbox.watchdog import Watchdog, Watched

GRACE = 0.5
"""How long a stopped command has between SIGTERM and SIGKILL."""
KILL_SECONDS = 3.0
"""How long killed processes may take to go before the namespace goes with them."""
FILE_SECONDS = 60.0
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class ShellSandbox:
    """Implements the `Sandbox` protocol."""

    def __init__(self, spec: SandboxSpec, launcher: Launcher) -> None:
        self._spec = spec
        self._launcher = launcher
        self._link: Link | None = None
        self._watchdog: Watchdog | None = None
        self._jobs = Jobs(spec.limits.output)
        self._start_lock = asyncio.Lock()
        self._shell_lock = asyncio.Lock()
        self._endings: set[asyncio.Task[object]] = set()

    @property
    def alive(self) -> bool:
        return self._link is not None and self._link.alive

    @property
    def isolated(self) -> bool:
        return self._launcher.isolated

    def seen(self, path: str) -> str:
        return self._launcher.inside(path)

    async def start(self) -> None:
        async with self._start_lock:
            if self.alive:
                return
            await self._end_link()
            link = Link(self._launcher)
            link.on_end = self._on_end
            await link.open()
            self._link = link
            self._jobs.clear()
            self._watchdog = Watchdog(
                Watched(
                    root=link.root,
                    has_namespaces=self.isolated,
                    limits=self._spec.limits,
                    folders=link.folders.writable,
                    is_busy=lambda: bool(link.calls),
                    is_leftover=link.is_leftover,
                    on_memory=self._over_memory,
                    on_workspace=self._over_workspace,
                )
            )

    def _begin(self, request: Request) -> Call:
        if self._link is None or self._watchdog is None:
            raise SandboxError("The sandbox is not running; start it first.")
        call = self._link.begin(request)
        self._watchdog.wake()
        return call

    # Commands

    async def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        secrets: Mapping[str, str] | None = None,
        on_output: OutputSink | None = None,
    ) -> CommandResult:
        kept = HeadTail(self._spec.limits.output)
        text = TextSink(on_output) if on_output else None

        def sink(data: bytes) -> None:
            kept.add(data)
            if text is not None:
                text.add(data)

        request = Request("run", _command(command), feed=_variables(secrets), sinks=(sink,))
        async with self._shell_lock:
            began = time.monotonic()
            call = self._begin(request)
            status = await self._wait(call, self._spec.limits.command_seconds if timeout is None else timeout)
        if text is not None:
            text.add(b"", final=True)
        seconds = time.monotonic() - began
        return CommandResult(status, kept.text(), kept.truncated, seconds, call.stopped)

    async def exec(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        cwd: str = "/workspace",
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_output: int | None = None,
    ) -> ExecResult:
        if not argv or not argv[0]:
            raise ValueError("There is no program to run.")
        words = [self._launcher.inside(cwd), *argv]
        if any("\0" in word for word in words):
            raise ValueError("A NUL cannot be part of an argument.")
        text = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)
        variables = _variables(environment)
        feed = (variables or b"") + stdin or None
        flags = "e" if variables else ""
        limit = self._spec.limits.output if max_output is None else max_output
        return await self._one_off(Request("exec", text, flags, feed), limit, timeout)

    async def _one_off(self, request: Request, limit: int, timeout: float | None) -> ExecResult:
        out, err = Head(limit), Head(limit)
        request.sinks = (out.add, err.add)
        call = self._begin(request)
        status = await self._wait(call, self._spec.limits.command_seconds if timeout is None else timeout)
        return ExecResult(status, bytes(out.data), bytes(err.data), call.stopped)

    async def _wait(self, call: Call, timeout: float) -> int | None:
        """Wait for the end, forcing it when time is over or the caller is cancelled."""
        link = self._link
        assert link is not None  # noqa: S101 - a call exists
        try:
            done, _ = await asyncio.wait([call.ended], timeout=timeout)
            if not done:
                await asyncio.shield(self._stop_soon(call, "timeout"))
        except asyncio.CancelledError:
            ending = self._stop_soon(call, "cancelled")
            # A second cancel must not leave the command behind; the task goes on by itself.
            await asyncio.shield(ending)
            raise
        finally:
            link.finish(call)
        return None if call.stopped else call.ended.result()

    # Stopping

    def _stop_soon(self, call: Call, reason: StopReason, *, grace: float = GRACE) -> asyncio.Task[None]:
        call.stopped = call.stopped or reason
        task = asyncio.create_task(self._stop(call, grace), name="sandbox-stop")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    async def _stop(self, call: Call, grace: float) -> None:
        """End all processes that carry the call's mark: politely, then surely."""
        link = self._link
        if link is None or not link.root:
            return

        def mine(tag: int) -> bool:
            # A mark that was lowered cannot be told apart; whoever does that ends with the first stop.
            return tag == call.tag or processes.is_forged(tag)

        deadline = time.monotonic() + grace
        if grace > 0:
            await asyncio.to_thread(processes.signal_all, link.root, mine, signal.SIGTERM)
        while link.alive and time.monotonic() < deadline:
            if call.ended.done() and not await asyncio.to_thread(processes.find, link.root, mine):
                return
            await asyncio.sleep(0.02)
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline:
            if not link.alive:
                return
            left = await asyncio.to_thread(processes.kill_all, link.root, mine)
            if not left and call.ended.done():
                return
            # A killed process with much memory takes its time to go.
            await asyncio.sleep(0.02)
        # It cannot be ended by itself (or hides from us): the namespace goes as a whole.
        link.signal_init()

    def _over_memory(self, pid: int) -> None:
        link = self._link
        if link is None or pid <= 0:
            return
        tag = processes.tag_of(pid)
        if pid == link.root:
            # What is too large belongs to no process that could be ended alone.
            for call in link.calls.values():
                call.stopped = call.stopped or "memory"
            link.signal_init()
            return
        for call in link.calls.values():
            if call.tag == tag:
                self._stop_soon(call, "memory", grace=0)
                return
        self._in_thread(processes.send, link.root, pid, signal.SIGKILL)

    async def _over_workspace(self) -> None:
        link = self._link
        if link is None:
            return
        endings = [self._stop_soon(call, "workspace", grace=0) for call in link.calls.values()]
        await asyncio.to_thread(processes.kill_all, link.root, link.is_leftover)
        if endings:
            await asyncio.wait(endings)

    def _in_thread(self, work: Callable[..., object], *arguments: object) -> None:
        """Runs on its own; kept, so that it is not collected before its end."""
        task = asyncio.create_task(asyncio.to_thread(work, *arguments))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    # Background commands

    async def start_job(self, command: str, *, secrets: Mapping[str, str] | None = None) -> Job:
        record = self._jobs.new(command)
        record.call = self._begin(Request("job", _command(command), feed=_variables(secrets), sinks=(record.tail.add,)))
        return self._jobs.add(record)

    async def job(self, job_id: str) -> Job:
        return self._jobs.get(job_id).view()

    async def stop_job(self, job_id: str) -> Job:
        record = self._jobs.get(job_id)
        if record.call is not None and record.exit_code is None:
            await asyncio.shield(self._stop_soon(record.call, "cancelled"))
        return record.view()

    def _on_end(self, call: Call) -> None:
        if call.is_job and self._link is not None:
            self._link.finish(call)
            self._jobs.ended(call)

    # Files

    async def read_file(self, path: str, *, max_bytes: int = 10 * 1024**2) -> bytes:
        place = self._launcher.inside(files.absolute(path))
        request = Request("read", files.encoded(place), str(max_bytes + 1))
        result = await self._one_off(request, max_bytes + 1, FILE_SECONDS)
        self._check(path, result)
        if len(result.stdout) > max_bytes:
            raise ValueError(f"{path} is larger than {max_bytes} bytes.")
        return result.stdout

    async def write_file(self, path: str, data: bytes) -> None:
        place = self._launcher.inside(files.absolute(path))
        self._check(path, await self._one_off(Request("write", files.encoded(place), feed=data), 4096, FILE_SECONDS))

    def _check(self, path: str, result: ExecResult) -> None:
        if result.stopped == "sandbox_died":
            raise SandboxError("The sandbox died; start it again.")
        if result.exit_code != 0:
            raise files.complaint(path, result.stderr.decode("utf-8", "replace"), result.exit_code)

    # The end

    async def close(self, *, kill: bool = True) -> None:
        async with self._start_lock:
            link = self._link
            if link is not None and link.alive and not kill:
                await self._ask_to_end(link)
            await self._end_link()

    async def _ask_to_end(self, link: Link) -> None:
        """SIGTERM first, and up to a second to obey it."""
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and link.alive:
            if not await asyncio.to_thread(processes.signal_all, link.root, processes.is_tag, signal.SIGTERM):
                return
            await asyncio.sleep(0.1)

    async def _end_link(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        link, self._link = self._link, None
        if watchdog is not None:
            await watchdog.stop()
        if link is None:
            return
        await link.kill()
        if self._endings:
            await asyncio.wait(list(self._endings), timeout=0.2)
        await asyncio.to_thread(link.folders.clear)


def _command(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("A command cannot contain NUL.")
    return text.encode("utf-8", "surrogateescape")


def _variables(variables: Mapping[str, str] | None) -> bytes | None:
    """As the supervisor reads them: NUL after each, an empty one at the end."""
    if not variables:
        return None
    for name, value in variables.items():
        if not _NAME.match(name) or "\0" in value:
            raise ValueError(f"{name!r} cannot be an environment variable.")
    return (
        b"".join(f"{name}={value}".encode("utf-8", "surrogateescape") + b"\0" for name, value in variables.items())
        + b"\0"
    )
