"""Runs schedules when they are due. Several processes may do so over one database: each run is claimed once."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Select, select

from cogmill.access.context import Context
from cogmill.domain.schedules.batch import Due, fire_all
from cogmill.models.access import organization
from cogmill.models.schedules import schedule
from cogmill.web.call import Call

TOGETHER = 8
"""Runs of one transaction; requests come in between two of these."""
AT_ONCE = 2 * TOGETHER
STUCK = 5.0


@dataclass(slots=True)
class Burst:
    """Whether more is due than one transaction does: then sessions that wait give way, so that all get their start."""

    is_on: bool = False


async def run_once(call: Call, burst: Burst | None = None) -> float | None:
    """Run what is due; answers when the next one will be."""
    burst = burst or Burst()
    try:
        while due := await call.read(_due):
            burst.is_on = len(due) > TOGETHER
            parts = [due[begin : begin + TOGETHER] for begin in range(0, len(due), TOGETHER)]
            claimed = await asyncio.gather(*(call.write(partial(_fire, part)) for part in parts))
            if not any(claimed):
                return call.runtime.clock() + STUCK  # another process is at work on them
    finally:
        burst.is_on = False
    return await call.read(_next)


def _fire(due: list[Due], ctx: Context) -> int:
    return fire_all(ctx, due)


def _waiting(*columns: Any) -> Select[Any]:
    """Those of deleted organizations wait until these come back."""
    found = select(*columns).join(organization, organization.c.org_id == schedule.c.org_id)
    return found.where(schedule.c.due_at.is_not(None), organization.c.deleted_at.is_(None)).order_by(
        schedule.c.due_at, schedule.c.id
    )


def _due(ctx: Context) -> list[Due]:
    found = _waiting(schedule.c.id, schedule.c.due_at).where(schedule.c.due_at <= ctx.now).limit(AT_ONCE)
    return [(row.id, row.due_at) for row in ctx.db.execute(found)]


def _next(ctx: Context) -> float | None:
    return ctx.db.execute(_waiting(schedule.c.due_at).limit(1)).scalar()
