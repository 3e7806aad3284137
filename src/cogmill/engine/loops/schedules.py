"""Runs schedules when they are due. Several processes may do so over one database: each run is claimed once."""

import asyncio
from functools import partial
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import InterfaceError, OperationalError

from cogmill.access.context import Context
from cogmill.domain.schedules.firing import fail, fire
from cogmill.kit.errors import Refusal
from cogmill.kit.logs import logger
from cogmill.models.access import organization
from cogmill.models.schedules import schedule
from cogmill.web.call import Call

log = logger("schedules")
AT_ONCE = 8
"""Runs that are under way together: they share a commit, and requests come in between."""
STUCK = 5.0
Due = tuple[int, str, float]


async def run_once(call: Call) -> float | None:
    """Run what is due; answers when the next one will be."""
    while due := await call.read(_due):
        claimed = await asyncio.gather(*(_run(call, *one) for one in due))
        if not any(claimed):
            return call.runtime.clock() + STUCK  # another process is at work on them
    return await call.read(_next)


async def _run(call: Call, row_id: int, schedule_id: str, due_at: float) -> bool:
    try:
        return await call.write(partial(_fire, row_id, due_at))
    except Refusal as refusal:
        error = refusal.detail
    except (OperationalError, InterfaceError):
        raise  # the database is away: nothing was done, and nothing can be written down
    except Exception as failure:
        log.exception("schedule_failed", schedule_id=schedule_id)
        error = f"The server failed in this run ({type(failure).__name__}). Its log has the cause."
    return await call.write(partial(_fail, row_id, due_at, error))


def _fire(row_id: int, due_at: float, ctx: Context) -> bool:
    return fire(ctx, row_id, due_at)


def _fail(row_id: int, due_at: float, error: str, ctx: Context) -> bool:
    return fail(ctx, row_id, due_at, error)


def _waiting(*columns: Any) -> Select[Any]:
    """Those of deleted organizations wait until these come back."""
    found = select(*columns).join(organization, organization.c.org_id == schedule.c.org_id)
    return found.where(schedule.c.due_at.is_not(None), organization.c.deleted_at.is_(None)).order_by(schedule.c.due_at)


def _due(ctx: Context) -> list[Due]:
    columns = (schedule.c.id, schedule.c.schedule_id, schedule.c.due_at)
    found = _waiting(*columns).where(schedule.c.due_at <= ctx.now).limit(AT_ONCE)
    return [(row.id, row.schedule_id, row.due_at) for row in ctx.db.execute(found)]


def _next(ctx: Context) -> float | None:
    return ctx.db.execute(_waiting(schedule.c.due_at).limit(1)).scalar()
