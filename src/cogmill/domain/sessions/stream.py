"""Live events of a session as server-sent events (extension): lossless, resumable, independent of slow readers."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cogmill.access.context import Context
from cogmill.domain.sessions.events import read_log
from cogmill.domain.sessions.log import wire
from cogmill.domain.sessions.queries import find
from cogmill.domain.sessions.states import ENDED
from cogmill.kit.errors import Invalid
from cogmill.web.call import Call

PAGE = 500
HEARTBEAT = 15.0
Item = tuple[int, bytes]


async def stream(call: Call, request: Request, devin_id: str) -> Response:
    """Everything after `Last-Event-ID` (or `?after=`), then what happens, until the session is over."""
    after = _position(request)
    row = await call.read(lambda ctx: find(ctx, devin_id))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    body = _follow(call, row.id, row.session_id, after)
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


def _position(request: Request) -> int:
    sent = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    if not (sent.isascii() and sent.isdigit() and len(sent) < 12):
        raise Invalid.at("header", "Last-Event-ID", msg="A sequence number is expected: the id of the last event seen.")
    return int(sent)


async def _follow(call: Call, row_id: int, session_id: str, after: int) -> AsyncIterator[bytes]:
    hub = call.runtime.hub
    feed = hub.join(row_id)  # joined before the first read, so that nothing falls in between
    try:
        yield b"retry: 1000\n\n"
        caught_up, may_be_over = False, True
        while not hub.closing:
            seen = feed.version
            items = feed.since(after)
            if not items and not caught_up:
                items = await _from_log(call, row_id, session_id, after)
                caught_up = len(items) < PAGE
            if items:
                after = items[-1][0]
                may_be_over = may_be_over or any(b"status_changed" in event[:160] for _, event in items)
                yield b"".join(_frame(seq, event) for seq, event in items)
            elif may_be_over and await _is_over(call, row_id, session_id, after):
                return
            elif not await feed.changed(seen, HEARTBEAT):
                caught_up, may_be_over = False, True  # another process may have written meanwhile
                yield b": still here\n\n"
            else:
                caught_up, may_be_over = bool(feed.since(after)), False
    finally:
        hub.leave(row_id)


async def _from_log(call: Call, row_id: int, session_id: str, after: int) -> list[Item]:
    def unit(ctx: Context) -> list[Item]:
        rows = read_log(ctx, row_id, after, PAGE)
        return [(one.seq, wire(session_id, one._mapping)) for one in rows]

    return await call.read(unit)


async def _is_over(call: Call, row_id: int, session_id: str, after: int) -> bool:
    def unit(ctx: Context) -> bool:
        row = find(ctx, session_id)
        return row.id == row_id and row.status in ENDED and row.last_seq <= after

    return await call.read(unit)


def _frame(seq: int, event: bytes) -> bytes:
    """The event as one message. `event` is a JSON line, so it needs no splitting."""
    start = event.index(b'"event_type":"') + 14
    name = event[start : event.index(b'"', start)]
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, name, event)
