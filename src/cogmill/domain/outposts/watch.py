"""Changes of queues as server-sent events: each entry once more whenever it changed, at least once, up to 5 minutes."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from cogmill.domain.outposts import claims
from cogmill.domain.outposts.queue import FEED
from cogmill.domain.outposts.schemas import EntriesQuery, WatchEvent
from cogmill.kit.paging import decode_cursor, encode_cursor
from cogmill.web.call import Call

PAGE = 200
HEARTBEAT = 15.0
LONGEST = 300.0


async def watch(call: Call, query: EntriesQuery) -> AsyncIterator[bytes]:
    """The stream behind a cursor; without one, it begins with everything that there is.

    Filters but `outpost` are not looked at: an entry that stops fitting one has to be told of as well.
    """
    after = 0 if query.cursor is None else decode_cursor(query.cursor)
    return _follow(call, query.outpost, after)


async def _follow(call: Call, outpost_id: str | None, after: int) -> AsyncIterator[bytes]:
    hub, loop = call.runtime.hub, asyncio.get_running_loop()
    feed, end = hub.join(FEED), loop.time() + LONGEST
    try:
        yield b"retry: 1000\n\n"
        while not hub.closing and loop.time() < end:
            seen = feed.version
            found = await call.read(partial(claims.changes, outpost_id=outpost_id, after=after, most=PAGE))
            for version, is_gone, entry in found:
                after = version
                kind = "DELETED" if is_gone else "MODIFIED"
                event = WatchEvent(type=kind, object=entry, cursor=encode_cursor(version))
                yield b"data: " + event.model_dump_json().encode() + b"\n\n"
            if not found and not await feed.changed(seen, min(HEARTBEAT, max(end - loop.time(), 0.0))):
                yield b": still here\n\n"
    finally:
        hub.leave(FEED)
