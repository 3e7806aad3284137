"""Room for sessions that wait: one that has finished gives its worker up when another one of the outpost needs it."""

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.sessions.log import append, status_event
from cogmill.domain.sessions.states import Detail, State, Trigger, transition
from cogmill.models.outposts import outpost_entry
from cogmill.models.sessions import session

WAITED = 3.0
"""Seconds after which no worker is free, for a free one claims at once."""
FINISHED = 30.0
"""Seconds for which a session that has finished keeps its worker in any case: somebody may write to it."""
_columns = outpost_entry.c


def make_room(ctx: Context) -> float | None:
    """Put one finished session to sleep where another one waits. Answers when to look again; None: nothing waits."""
    unclaimed = or_(_columns.acceptor_id.is_(None), _columns.claim_deadline <= ctx.now)
    waits = (_columns.gone_at.is_(None), _columns.connection.is_(None), unclaimed, session.c.run_state != "idle")
    since = func.min(_columns.updated_at)
    waiting = select(_columns.outpost_id, since).join(session, session.c.id == _columns.session).where(*waits)
    due: list[float] = []
    for outpost_id, first in ctx.db.execute(waiting.group_by(_columns.outpost_id)).all():
        if first > ctx.now - WAITED:
            due.append(first + WAITED)
        elif (one := _finished(ctx, outpost_id)) is not None:
            due.append(one.idle_since + FINISHED)
            if one.idle_since <= ctx.now - FINISHED:
                _put_to_sleep(ctx, one.id)
    return min(due, default=None)


def _finished(ctx: Context, outpost_id: str) -> Row[Any] | None:
    """The session of the outpost that has finished longest ago and still has its worker."""
    query = select(session.c.id, session.c.idle_since).join(outpost_entry, _columns.session == session.c.id)
    query = query.where(_columns.outpost_id == outpost_id, _columns.connection.is_not(None))
    query = query.where(session.c.idle_since.is_not(None), session.c.status_detail == Detail.FINISHED.value)
    row: Any = ctx.db.execute(query.order_by(session.c.idle_since).limit(1)).one_or_none()
    found: Row[Any] | None = row
    return found


def _put_to_sleep(ctx: Context, row_id: int) -> None:
    row = ctx.db.execute(select(session).where(session.c.id == row_id).with_for_update()).one()
    if row.idle_since is None or row.status_detail != Detail.FINISHED:
        return  # somebody has just written to it
    after = transition(State.of(row.status, row.status_detail), Trigger.SUSPEND, Detail.INACTIVITY)
    told = status_event(after, "another session of the outpost waits for its worker")
    append(ctx, row.id, row.session_id, [told], state=after, idle_since=None)
