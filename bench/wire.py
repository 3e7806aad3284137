"""A lean HTTP/1.1 client for load: one request at a time per connection, no parsing beyond what is needed."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """A kept-alive connection. `ask` answers status and body."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        found = LENGTH.search(self._buffer, 0, head + 2)
        end = head + 4 + (int(found[1]) if found else 0)
        if len(self._buffer) >= end and self._answer is not None:
            status, body = int(self._buffer[9:12]), bytes(self._buffer[head + 4 : end])
            del self._buffer[:end]
            answer, self._answer = self._answer, None
            if not answer.done():
                answer.set_result((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("The server closed the connection."))
        self._answer = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        if self._transport.is_closing():
            raise ConnectionResetError("The connection is closed.")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.close()


class Watcher(asyncio.Protocol):
    """Reads a live stream and hands every chunk with the time of its arrival to `on_data`."""

    def __init__(self, request: bytes, on_data: Callable[[bytes, float], None]) -> None:
        self._request = request
        self._on_data = on_data
        self.is_open = asyncio.Event()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self.is_open.set()
        self._on_data(data, now)


class Target:
    """A server under measurement: where it is, and requests as bytes."""

    def __init__(self, port: int, key: str, org_id: str) -> None:
        self.port, self.key, self.org_id = port, key, org_id
        self.sessions = f"/v3/organizations/{org_id}/sessions"

    def request(self, method: str, path: str, body: Any = None, accept: str = "application/json") -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.key}\r\n"
            f"accept: {accept}\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, "127.0.0.1", self.port)
        return connection

    async def watch(self, session_id: str, on_data: Callable[[bytes, float], None], after: int = 0) -> Watcher:
        path = f"{self.sessions}/{session_id}/events/stream?after={after}"
        request = self.request("GET", path, accept="text/event-stream")
        loop = asyncio.get_running_loop()
        _, watcher = await loop.create_connection(lambda: Watcher(request, on_data), "127.0.0.1", self.port)
        return watcher

    async def ask(self, connection: Connection, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer; an error status is an error here."""
        status, answer = await connection.ask(self.request(method, path, body))
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]!r}")
        return json.loads(answer)
