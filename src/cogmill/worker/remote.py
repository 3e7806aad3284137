"""One session on this machine: connects to the server, and does what it asks for until it has nothing more to ask."""

import asyncio
import ctypes
import fcntl
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cogmill.sandbox.protocol import SandboxDriver
from cogmill.sandbox.remote.frames import BadFrame, Lost
from cogmill.sandbox.remote.host import Folders, Host
from cogmill.worker.mirrors import Mirrors

ENDED, LOST = 0, 3
"""Exit codes: the session ended or sleeps; the connection was lost, or the session was taken from us."""
OVER = frozenset({"suspended", "terminated"})
GOING_AWAY = 1001
PATIENCE = 10.0
"""Seconds to wait for another process that still holds the session's files."""
_PARENT_DIES = 1
"""PR_SET_PDEATHSIG."""


class CannotServe(Exception):
    """The text says what is missing, or what the server said."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment says; the names are those of the original's worker."""

    gateway_url: str
    connect_token: str = field(repr=False)
    session_id: str
    state: Path
    mirrors: Path
    dies_with_parent: bool

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Given":
        names = ("GATEWAY_URL", "CONNECT_TOKEN", "SESSION_ID")
        found = [environ.get(f"DEVIN_OUTPOST_{name}", "").strip() for name in names]
        missing = [f"DEVIN_OUTPOST_{name}" for name, value in zip(names, found, strict=True) if not value]
        if missing:
            raise CannotServe(f"{', '.join(missing)}: not set. `cogmill outposts work` claims a session and sets them.")
        if not found[0].startswith(("ws://", "wss://")):
            raise CannotServe("DEVIN_OUTPOST_GATEWAY_URL must begin with ws:// or wss://.")
        if not found[2].replace("-", "").isalnum():
            raise CannotServe("DEVIN_OUTPOST_SESSION_ID is no id of a session.")
        state = Path(environ.get("DEVIN_REMOTE_STATE_DIR") or _usual_place(found[2])).expanduser().absolute()
        mirrors = Path(environ.get("COGMILL_OUTPOST_MIRRORS") or state / "mirrors").absolute()
        dies = environ.get("COGMILL_OUTPOST_DIES_WITH_PARENT") == "1"
        return cls(found[0], found[1], found[2], state, mirrors, dies)


def _usual_place(session_id: str) -> Path:
    from platformdirs import user_data_path

    return user_data_path("cogmill") / "outposts" / session_id


class Socket:
    """The connection as a channel of frames."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, frame: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(frame)
        except ConnectionClosed as closed:
            raise Lost(str(closed)) from None

    async def receive(self) -> bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            frame = await self._connection.recv()
        except ConnectionClosed as closed:
            raise Lost(str(closed)) from None
        if not isinstance(frame, bytes):
            raise BadFrame("Frames are binary.")
        return frame

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason[:100])


async def serve(given: Given, driver: SandboxDriver) -> str:
    """Serve the session until the server says why that ends. CannotServe, or Lost."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidURI

    if given.dies_with_parent:
        ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGTERM, 0, 0, 0)
    given.state.mkdir(parents=True, exist_ok=True)
    given.state.chmod(0o711)  # sandboxes of other users pass through to their own folder
    with (given.state / "remote.lock").open("ab") as lock:
        await _hold(lock.fileno())
        folders = Folders(given.state / "session", given.mirrors)
        mirrors = Mirrors(folders, given.state / "incoming")
        headers = {"Authorization": f"Bearer {given.connect_token}", "X-Outpost-Session": given.session_id}
        try:
            opening = connect(
                given.gateway_url, additional_headers=headers, max_size=None, ping_interval=5, ping_timeout=15,
                compression=None,
            )  # fmt: skip
            async with opening as connection:
                host = Host(Socket(connection), driver, given.session_id, folders, mirrors.others)
                try:
                    return await host.serve()
                except asyncio.CancelledError:
                    await connection.close(GOING_AWAY, "the worker was stopped")
                    raise
        except InvalidHandshake as refused:
            raise CannotServe(f"{given.gateway_url} does not let us in: {_said(refused)}") from None
        except (OSError, InvalidURI, TimeoutError) as error:
            raise CannotServe(f"{given.gateway_url} cannot be reached: {error}") from None


def _said(refused: Exception) -> str:
    body = getattr(getattr(refused, "response", None), "body", None)
    return f"{refused} {bytes(body or b'').decode('utf-8', 'replace')[:500]}".strip()


async def _hold(lock: int) -> None:
    until = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if asyncio.get_running_loop().time() > until:
                raise CannotServe("Another process still serves this session on this machine.") from None
            await asyncio.sleep(0.05)


async def run(given: Given, driver: SandboxDriver) -> int:
    """The same as an exit code; SIGTERM ends it, and what runs with it."""
    serving = asyncio.ensure_future(serve(given, driver))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        why = await serving
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM
    except (Lost, BadFrame):
        return LOST
    return ENDED if why in OVER else LOST
