"""The gateway of outposts: where workers connect, each with the token of its claim (docs/outposts.md)."""

import asyncio
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from cogmill.access.context import Runtime
from cogmill.access.scope import Scope
from cogmill.domain.outposts import claims
from cogmill.kit.errors import NotFound, Refusal
from cogmill.kit.ids import new_id
from cogmill.kit.logs import logger
from cogmill.sandbox.remote.attachment import Attachment
from cogmill.sandbox.remote.frames import BadFrame, Lost
from cogmill.web.addresses import address_of
from cogmill.web.call import Call
from cogmill.web.errors import refused

log = logger("http")
AGAIN_AFTER = 1.0
"""Seconds until the loss of a connection is written down once more, when the database takes nothing."""


def route(runtime: Runtime) -> WebSocketRoute:
    """The one address that is no row of the table: it speaks no HTTP."""

    async def gateway(socket: WebSocket) -> None:
        call = Call(runtime, Scope("", None), new_id("req"), None)
        try:
            session_id, token = _session(socket), _token(socket)
            # Looked at before anything is written: strangers keep no writer waiting.
            await call.read(partial(claims.row_of_token, session_id=session_id, token=token))
            row = await call.write(partial(claims.connect, session_id=session_id, token=token))
        except Refusal as refusal:
            await socket.send_denial_response(refused(refusal, call.request_id))
            return
        why = "the connection was lost"
        try:
            await runtime.addresses.require(runtime.database, row.enterprise_id, address_of(socket))
            await socket.accept()
            one = Attachment(row.session, row.org_id, row.acceptor_id, row.connection, Channel(socket))
            why = await runtime.signals.attached(one)
        except Refusal as refusal:
            why = "its address may not be used"
            await socket.send_denial_response(refused(refusal, call.request_id))
        finally:
            said = f"Worker {row.acceptor_id} has left: {why}"
            await asyncio.shield(_note_end(call, row.session, row.connection, said))

    return WebSocketRoute(claims.GATEWAY, gateway)


def _session(socket: WebSocket) -> str:
    return socket.headers.get("x-outpost-session", "")[:64]


def _token(socket: WebSocket) -> str:
    kind, _, token = socket.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _note_end(call: Call, row_id: int, connection: str, why: str) -> None:
    """Until this is written the session counts as served; whoever waits for the worker waits on."""
    while True:
        try:
            await call.write(partial(claims.disconnect, row_id=row_id, connection=connection, why=why))
            return
        except NotFound:
            return
        except (OSError, SQLAlchemyError):
            log.exception("worker_not_let_go", row=row_id)
            await asyncio.sleep(AGAIN_AFTER)


class Channel:
    """A worker's socket as a channel of frames."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send(self, frame: bytes) -> None:
        try:
            await self._socket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError, OSError):
            raise Lost("the connection was lost") from None

    async def receive(self) -> bytes:
        try:
            return await self._socket.receive_bytes()
        except WebSocketDisconnect as left:
            raise Lost(left.reason[:100] or f"the connection ended with code {left.code}") from None
        except KeyError:
            raise BadFrame("Frames are binary.") from None
        except RuntimeError:
            raise Lost("the connection was lost") from None

    async def close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            try:
                await self._socket.close(code, reason[:100])
            except (RuntimeError, OSError, WebSocketDisconnect):
                return
