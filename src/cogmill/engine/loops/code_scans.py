"""Repeats code scans when they are due, and reads SARIF reports that were attached to ingestions."""

import asyncio
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from cogmill.access.context import Context
from cogmill.domain.code_scans import ingesting, repeating
from cogmill.domain.code_scans.ingesting import Read, Waiting
from cogmill.engine.workspace import fetch_source
from cogmill.kit.errors import Refusal
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.scm.git import GitError
from cogmill.scm.mirrors import MirrorCache
from cogmill.scm.provider import ProviderError
from cogmill.web.call import Call

log = logger("code_scans")


async def repeat_due(call: Call) -> float | None:
    """Repeat what is due; answers when the next repetition will be."""
    while due := await call.read(repeating.due):
        repeated = [await call.write(partial(_repeat, row_id, due_at)) for row_id, due_at in due]
        if not any(repeated):
            break  # another process is at work on them
    return await call.read(repeating.next_due)


async def read_reports(call: Call, mirrors: MirrorCache) -> None:
    """Read what waits to be read, a few at once: a host that does not answer holds up no more than those."""
    while waiting := await call.read(ingesting.waiting):
        await asyncio.gather(*(_read(call, mirrors, row_id) for row_id in waiting))


def _repeat(row_id: int, due_at: float, ctx: Context) -> bool:
    return repeating.repeat(ctx, row_id, due_at)


async def _read(call: Call, mirrors: MirrorCache, row_id: int) -> None:
    """Read one ingestion's files beside the repository, then write down what they say."""
    waits = await call.read(lambda ctx: ingesting.take(ctx, row_id))
    if waits is None:
        return
    crash_point("ingestion_taken")
    try:
        read = await _looked_up(call, mirrors, waits)
        await call.write(lambda ctx: ingesting.write_down(ctx, waits, read))
    except (Refusal, GitError, ProviderError, OSError) as problem:
        await _fail(call, waits, f"The repository cannot be read: {problem}")
    except SQLAlchemyError:
        raise  # the database is away: it is read again
    except Exception as failure:  # whatever is in a report, the next one is read
        log.exception("ingestion_failed", scan_id=waits.row.scan_id)
        await _fail(call, waits, f"The server failed in this report ({type(failure).__name__}). Its log has the cause.")


async def _fail(call: Call, waits: Waiting, error: str) -> None:
    await call.write(lambda ctx: ingesting.write_down(ctx, waits, Read([], [], error[:2000])))


async def _looked_up(call: Call, mirrors: MirrorCache, waits: Waiting) -> Read:
    row = waits.row
    source = await fetch_source(call.runtime, mirrors, row.org_id, row.repository, row.created_at)
    return await ingesting.look_up(waits, source.mirror)
