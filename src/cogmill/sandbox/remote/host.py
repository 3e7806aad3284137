"""The worker's side: does in a local sandbox what the server asks for, one session long."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from cogmill.sandbox.folders import remove
from cogmill.sandbox.protocol import Job, Limits, Sandbox, SandboxDriver, SandboxError, SandboxSpec
from cogmill.sandbox.remote.frames import VERSION, Channel, Head, Lost, Message, Parts, pack

Answer = tuple[Head, bytes]
Other = Callable[[Head, bytes], Awaitable[Answer]]
"""Does what is asked for and has nothing to do with the sandbox."""
PLACES = ("/workspace", "/home/agent")


class Host:
    """One connection's worth of one session. Whatever ends the connection ends the sandbox."""

    def __init__(
        self, channel: Channel, driver: SandboxDriver, session_id: str, folders: "Folders", others: dict[str, Other]
    ) -> None:
        self._channel = channel
        self._driver = driver
        self._session_id = session_id
        self._folders = folders
        self._others = others
        self._sandbox: Sandbox | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self._is_leaving = False
        """What ends from now on ends because we go, and is no answer to anything."""

    async def serve(self) -> str:
        """Until the server has nothing more to do; answers why. Lost when the connection ends without a word."""
        try:
            await self._send({"id": 0, "hello": VERSION}, b"")
            parts = Parts()
            while True:
                message = parts.add(await self._channel.receive())
                if message is None:
                    continue
                if "end" in message[0]:
                    return str(message[0]["end"])
                self._take(message)
        finally:
            self._is_leaving = True
            for task in self._tasks.values():
                task.cancel()
            await self._close(kill=True)

    def _take(self, message: Message) -> None:
        head, body = message
        number = int(head.get("id", 0))
        if head.get("cancel"):
            if (running := self._tasks.get(number)) is not None:
                running.cancel()
            return
        task = self._tasks[number] = asyncio.create_task(self._do(number, head, body))
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _do(self, number: int, head: Head, body: bytes) -> None:
        try:
            said, content = await self._answer(number, head, body)
        except asyncio.CancelledError:
            said, content = {"cancelled": True}, b""
        except Exception as error:
            said, content = {"error": _told(error)}, b""
        if self._is_leaving:
            return
        alive = self._sandbox is not None and self._sandbox.alive
        with suppress(Lost):
            await self._send({**said, "id": number, "alive": alive}, content)

    async def _send(self, head: Head, body: bytes) -> None:
        async with self._sending:
            for frame in pack(head, body):
                await self._channel.send(frame)

    async def _answer(self, number: int, head: Head, body: bytes) -> Answer:
        do = str(head.get("do"))
        if do in self._others:
            return await self._others[do](head, body)
        if do == "start":
            return await self._start(head)
        if do == "close":
            await self._close(kill=bool(head.get("kill", True)))
            return {}, b""
        if self._sandbox is None:
            raise SandboxError("The sandbox is not running; start it first.")
        if do == "run":
            return await self._run(self._sandbox, number, head, body)
        known = {"exec": _exec, "read_file": _read, "write_file": _write, "start_job": _start_job}
        known |= {"job": _job, "stop_job": _stop_job}
        if do not in known:
            raise SandboxError(f"This worker cannot do {do!r}: install the same Cogmill as the server's.")
        return await known[do](self._sandbox, head, body)

    async def _start(self, head: Head) -> Answer:
        if head.get("session_id") != self._session_id:
            raise SandboxError("The server speaks of another session than the one that was claimed.")
        if self._sandbox is None:
            name = await asyncio.to_thread(self._folders.keep_or_begin, head.get("keep"))
            mounts = {str(place): self._folders.mirror(str(key)) for place, key in head["mounts"].items()}
            spec = SandboxSpec(
                self._session_id, self._folders.root, mounts, bool(head["network"]),
                {str(key): str(value) for key, value in head["environment"].items()}, Limits(**head["limits"]),
            )  # fmt: skip
            self._sandbox = self._driver.create(spec)
        else:
            name = await asyncio.to_thread(self._folders.name)
        await self._sandbox.start()
        places = {place: self._sandbox.seen(place) for place in (*PLACES, *head["mounts"])}
        return {"isolated": self._sandbox.isolated, "workspace": name, "places": places}, b""

    async def _run(self, sandbox: Sandbox, number: int, head: Head, body: bytes) -> Answer:
        printed: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def show() -> None:
            while (text := await printed.get()) is not None:
                with suppress(Lost):
                    await self._send({"id": number, "printed": True}, text)

        showing = asyncio.create_task(show())
        try:
            result = await sandbox.run(
                body.decode("utf-8", "surrogateescape"),
                timeout=head.get("timeout"),
                secrets=head.get("secrets") or None,
                on_output=Shown(printed).add if head.get("prints") else None,
            )
        finally:
            printed.put_nowait(None)
            await asyncio.shield(showing)
        said = {
            "exit_code": result.exit_code, "truncated": result.truncated, "seconds": result.seconds,
            "stopped": result.stopped,
        }  # fmt: skip
        return said, _bytes(result.output)

    async def _close(self, *, kill: bool) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await asyncio.shield(sandbox.close(kill=kill))


class Shown:
    """What a command prints, as far as the server shows it while it runs: a flood must not fill this machine."""

    MOST = 512 * 1024

    def __init__(self, printed: "asyncio.Queue[bytes | None]") -> None:
        self._printed = printed
        self._left = self.MOST

    def add(self, text: str) -> None:
        if self._left > 0:
            self._printed.put_nowait(_bytes(text[: self._left]))
            self._left -= len(text)


class Folders:
    """Where a session's files lie on the worker: `workspace` and the like below `root`, mirrors beside."""

    def __init__(self, root: Path, mirrors: Path) -> None:
        self.root = root
        self._mirrors = mirrors
        self._note = root.with_name(f"{root.name}.name")

    def mirror(self, key: str) -> Path:
        """Where the mirror of that name lies. ValueError for what is no name."""
        if not key.isalnum() or len(key) > 64:
            raise ValueError(f"{key[:80]!r} is no name of a mirror.")
        return self._mirrors / f"{key}.git"

    def name(self) -> str:
        """The name of the files that are there; empty when there are none."""
        return self._note.read_text() if self._note.exists() and (self.root / "workspace").exists() else ""

    def keep_or_begin(self, keep: Any) -> str:
        """Go on with the files of that name, or remove what is there and begin anew, under a new name. Blocks."""
        if keep and self.name() == keep:
            return str(keep)
        self._note.unlink(missing_ok=True)
        if self.root.exists():
            remove(self.root)
        self.root.mkdir(parents=True)
        name = token_hex(8)
        self._note.write_text(name)
        return name


async def _exec(sandbox: Sandbox, head: Head, body: bytes) -> Answer:
    result = await sandbox.exec(
        head["argv"], stdin=body, cwd=head["cwd"], environment=head["environment"] or None,
        timeout=head["timeout"], max_output=head["max_output"],
    )  # fmt: skip
    said = {"exit_code": result.exit_code, "stopped": result.stopped, "stdout": len(result.stdout)}
    return said, result.stdout + result.stderr


async def _read(sandbox: Sandbox, head: Head, _body: bytes) -> Answer:
    return {}, await sandbox.read_file(head["path"], max_bytes=head["max_bytes"])


async def _write(sandbox: Sandbox, head: Head, body: bytes) -> Answer:
    await sandbox.write_file(head["path"], body)
    return {}, b""


async def _start_job(sandbox: Sandbox, head: Head, body: bytes) -> Answer:
    return _shown(await sandbox.start_job(body.decode("utf-8", "surrogateescape"), secrets=head.get("secrets") or None))


async def _job(sandbox: Sandbox, head: Head, _body: bytes) -> Answer:
    return _shown(await sandbox.job(head["job_id"]))


async def _stop_job(sandbox: Sandbox, head: Head, _body: bytes) -> Answer:
    return _shown(await sandbox.stop_job(head["job_id"]))


def _shown(job: Job) -> Answer:
    return {"job_id": job.job_id, "command": job.command, "exit_code": job.exit_code}, _bytes(job.output)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _told(error: Exception) -> Head:
    told = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, OSError) and error.errno is not None:
        kinds = (FileNotFoundError, IsADirectoryError, FileExistsError, PermissionError)
        kind = next((one.__name__ for one in kinds if isinstance(error, one)), "OSError")
        return {"kind": kind, "errno": error.errno, "text": error.strerror, "path": str(error.filename or "")}
    if isinstance(error, KeyError):
        told["text"] = str(error.args[0]) if error.args else ""
    return told
