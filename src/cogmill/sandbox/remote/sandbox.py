"""A sandbox that stands on a worker's machine; the same as a local one for whoever uses it."""

import asyncio
import builtins
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, get_args

from cogmill.sandbox.output import HeadTail, TextSink
from cogmill.sandbox.protocol import CommandResult, ExecResult, Job, OutputSink, SandboxError, SandboxSpec, StopReason
from cogmill.sandbox.remote.frames import Head, Message
from cogmill.sandbox.remote.line import ANSWER_SECONDS, Line

CLOSE_SECONDS = 3.0
_KINDS = (
    "FileNotFoundError",
    "IsADirectoryError",
    "FileExistsError",
    "PermissionError",
    "OSError",
    "ValueError",
    "KeyError",
)
"""Exceptions that a worker may name; anything else is a SandboxError."""
_STOPPED = frozenset(get_args(StopReason))


class RemoteSandbox:
    """Implements the `Sandbox` protocol over a worker's connection.

    What the worker says is a stranger's word: bounded here once more, and never more than a text, a number or bytes.
    """

    def __init__(self, spec: SandboxSpec, line: Line, mounts: Mapping[str, str], keep: str | None) -> None:
        """`mounts`: names of mirrors that the worker has, by their places inside; `keep`: the workspace to go on in."""
        self._spec = spec
        self._line = line
        self._mounts = dict(mounts)
        self._keep = keep
        self._alive = False
        self._places: dict[str, str] = {}
        self.isolated = True
        self.workspace = ""
        """The worker's name for the files that the session has there."""

    @property
    def alive(self) -> bool:
        return self._alive and not self._line.closed.is_set()

    async def start(self) -> None:
        limits = {name: getattr(self._spec.limits, name) for name in self._spec.limits.__dataclass_fields__}
        head, _ = await self._ask(
            "start", session_id=self._spec.session_id, mounts=self._mounts, network=self._spec.network,
            environment=dict(self._spec.environment), limits=limits, keep=self._keep,
        )  # fmt: skip
        self.isolated = head.get("isolated") is not False
        self.workspace = self._keep = str(head.get("workspace") or "")[:64]
        given = head.get("places")
        self._places = {str(one): str(there) for one, there in given.items()} if isinstance(given, dict) else {}

    def seen(self, path: str) -> str:
        for place, there in self._places.items():
            if PurePosixPath(path).is_relative_to(place):
                return str(PurePosixPath(there) / PurePosixPath(path).relative_to(place))
        return path

    async def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        secrets: Mapping[str, str] | None = None,
        on_output: OutputSink | None = None,
    ) -> CommandResult:
        text = TextSink(on_output) if on_output else None
        head, body = await self._ask(
            "run", _encoded(command), on_output=text.add if text else None, timeout=timeout,
            within=self._bound(timeout), secrets=dict(secrets or {}), prints=text is not None,
        )  # fmt: skip
        if text is not None:
            text.add(b"", final=True)
        kept = HeadTail(self._spec.limits.output)
        kept.add(body)
        truncated = kept.truncated or bool(head.get("truncated"))
        return CommandResult(_code(head), kept.text(), truncated, _seconds(head), _stopped(head))

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
        head, body = await self._ask(
            "exec", stdin, argv=argv, cwd=cwd, environment=dict(environment or {}), timeout=timeout,
            max_output=max_output, within=self._bound(timeout),
        )  # fmt: skip
        limit = self._spec.limits.output if max_output is None else max_output
        split = head.get("stdout") if isinstance(head.get("stdout"), int) else len(body)
        return ExecResult(_code(head), body[:split][:limit], body[split:][:limit], _stopped(head))

    async def start_job(self, command: str, *, secrets: Mapping[str, str] | None = None) -> Job:
        return self._job(await self._ask("start_job", _encoded(command), secrets=dict(secrets or {})), command)

    async def job(self, job_id: str) -> Job:
        return self._job(await self._ask("job", job_id=job_id), "")

    async def stop_job(self, job_id: str) -> Job:
        return self._job(await self._ask("stop_job", job_id=job_id), "")

    def _job(self, answer: Message, command: str) -> Job:
        head, body = answer
        output = body[-self._spec.limits.output :].decode("utf-8", "replace")
        return Job(str(head.get("job_id"))[:64], command or str(head.get("command") or ""), _code(head), output)

    async def read_file(self, path: str, *, max_bytes: int = 10 * 1024**2) -> bytes:
        _, body = await self._ask("read_file", path=path, max_bytes=max_bytes)
        if len(body) > max_bytes:
            raise ValueError(f"{path} is larger than {max_bytes} bytes.")
        return body

    async def write_file(self, path: str, data: bytes) -> None:
        await self._ask("write_file", data, path=path)

    async def close(self, *, kill: bool = True) -> None:
        """As long as the worker is there it is asked to; one that is not ends its sandbox by itself."""
        if self._line.closed.is_set():
            return
        asking = asyncio.create_task(self._line.ask("close", kill=kill))
        over = asyncio.create_task(self._line.closed.wait())
        waiting: list[asyncio.Future[Any]] = [asking, over]
        await asyncio.wait(waiting, timeout=CLOSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in (asking, over):
            task.cancel()
        self._alive = False

    def _bound(self, timeout: float | None) -> float:
        """When a command must have ended, and its answer have come."""
        return (self._spec.limits.command_seconds if timeout is None else timeout) + ANSWER_SECONDS

    async def _ask(self, do: str, body: bytes = b"", **arguments: Any) -> Message:
        head, answer = await self._line.ask(do, body, **arguments)
        self._alive = head.get("alive") is True
        if isinstance(error := head.get("error"), dict):
            raise _exception(error)
        return head, answer


def _exception(error: Head) -> Exception:
    kind, text = error.get("kind"), str(error.get("text") or "The worker says no more.")[:4000]
    if kind not in _KINDS:
        return SandboxError(text)
    made: Any = getattr(builtins, str(kind))
    number = error.get("errno")
    if issubclass(made, OSError) and isinstance(number, int):
        found: Exception = made(number, text, str(error.get("path") or ""))
        return found
    return made(text)  # type: ignore[no-any-return]


def _encoded(command: str) -> bytes:
    if "\0" in command:
        raise ValueError("A command cannot contain NUL.")
    return command.encode("utf-8", "surrogateescape")


def _code(head: Head) -> int | None:
    code = head.get("exit_code")
    return code if isinstance(code, int) else None


def _seconds(head: Head) -> float:
    seconds = head.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def _stopped(head: Head) -> Any:
    stopped = head.get("stopped")
    return stopped if stopped in _STOPPED else None
