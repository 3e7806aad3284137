"""How many schedules each stretch of ids holds, so that an offset is found without reading what it passes over.

A page at the end of 100,000 schedules is found by adding up a hundred numbers and passing over a thousand keys at most.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, bindparam, cast, delete, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from cogmill.access.context import Context
from cogmill.kit.hot_select import HotSelect
from cogmill.models.schedules import schedule, schedule_block

SIZE = 1024
"""Ids of a block."""
_C = schedule_block.c
_THROUGH = (
    select(_C.block, _C.kept, func.sum(_C.kept).over(order_by=_C.block.desc()).label("through"))
    .where(_C.org_id == bindparam("org_id"))
    .subquery()
)
_FIND = HotSelect(
    select(_THROUGH.c.block, cast(_THROUGH.c.through - _THROUGH.c.kept, Integer).label("passed"))
    .where(_THROUGH.c.through > bindparam("offset"))
    .order_by(_THROUGH.c.block.desc())
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)


class Beginning(NamedTuple):
    """Where a page begins: at ids below this one, behind so many of them."""

    below: int
    offset: int


def beginning(ctx: Context, offset: int) -> Beginning | None:
    """Of the page at this offset among the organization's schedules, newest first; None behind the last of them."""
    found = _FIND(ctx.db, {"org_id": ctx.scope.one_org, "offset": offset})
    return Beginning((found[0].block + 1) * SIZE, offset - found[0].passed) if found else None


def count(ctx: Context, row_id: int, change: int) -> None:
    """One more schedule (1), or one less (-1)."""
    make = sqlite_insert if ctx.db.dialect.name == "sqlite" else postgres_insert
    row = make(schedule_block).values(org_id=ctx.scope.one_org, block=row_id // SIZE, kept=change)
    ctx.db.execute(row.on_conflict_do_update(index_elements=[_C.org_id, _C.block], set_={"kept": _C.kept + change}))


def recount(db: Connection, org_id: str | None) -> None:
    """Count anew what is there: of one organization, or of all of them."""
    block: Any = schedule.c.id // SIZE
    there = select(schedule.c.org_id, block, func.count()).where(schedule.c.deleted_at.is_(None))
    gone = delete(schedule_block)
    if org_id is not None:
        there, gone = there.where(schedule.c.org_id == org_id), gone.where(_C.org_id == org_id)
    db.execute(gone)
    db.execute(
        insert(schedule_block).from_select(["org_id", "block", "kept"], there.group_by(schedule.c.org_id, block))
    )
