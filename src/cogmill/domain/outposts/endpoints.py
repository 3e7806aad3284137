"""Handlers of the outpost operations."""

from starlette.responses import Response, StreamingResponse

from cogmill.access.context import Context
from cogmill.domain.outposts import claims, service
from cogmill.domain.outposts.schemas import (
    ClaimIn,
    EntriesQuery,
    EntryListOut,
    EntryOut,
    OutpostIn,
    OutpostOut,
    ReleaseIn,
)
from cogmill.domain.outposts.watch import watch
from cogmill.web.call import Call
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[OutpostOut]:
    return page_of(service.list_page(ctx, query))


def create(ctx: Context, body: OutpostIn) -> OutpostOut:
    return service.create(ctx, body)


def get(ctx: Context, outpost_id: str) -> OutpostOut:
    return service.get(ctx, outpost_id)


def delete(ctx: Context, outpost_id: str) -> OutpostOut:
    """Refused while a session of it could go on, or an organization has it as its default platform."""
    return service.remove(ctx, outpost_id)


async def list_queue(call: Call, query: EntriesQuery) -> EntryListOut | Response:
    """Sessions of outposts. With `watch=true`: a stream of changes, at least once each, of 5 minutes at most."""
    if query.watch:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(await watch(call, query), media_type="text/event-stream", headers=headers)
    items, cursor, has_more = await call.read(lambda ctx: claims.list_page(ctx, query))
    return EntryListOut(items=items, cursor=cursor, has_next_page=has_more, total=None)


def get_entry(ctx: Context, session_id: str) -> EntryOut:
    return claims.get(ctx, session_id)


def claim(ctx: Context, session_id: str, body: ClaimIn) -> EntryOut:
    """The answer holds what the worker connects with, this once. The same acceptor may claim again."""
    return claims.claim(ctx, session_id, body.acceptor_id)


def release(ctx: Context, session_id: str, body: ReleaseIn) -> EntryOut:
    """What runs is stopped, and goes on with the next worker from its last finished step."""
    return claims.release(ctx, session_id, body.acceptor_id)
