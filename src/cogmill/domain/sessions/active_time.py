"""ACUs of the time that a session's run did not book itself, because it was stopped or cut."""

from sqlalchemy import func, select

from cogmill.access.context import Context
from cogmill.domain.sessions.queries import SessionRow
from cogmill.models.sessions import session_event

MICRO = 1_000_000


def active_acus(seconds: float, acu_seconds: float) -> int:
    """Millionths of an ACU for active seconds."""
    return round(max(0.0, seconds) / acu_seconds * MICRO)


def of_stopped_run(ctx: Context, row: SessionRow) -> int:
    """What a run that is stopped now has not booked yet; the row is locked."""
    if row.run_state != "running" or row.active_since is None:
        return 0
    if not ctx.runtime.signals.runs(row.id):
        return of_cut_run(ctx, row)
    return active_acus(ctx.now - row.active_since, ctx.runtime.settings.acu_seconds)


def of_cut_run(ctx: Context, row: SessionRow) -> int:
    """What a run that was cut has not booked: up to the last thing it wrote, for nothing shows that it lived longer."""
    if row.active_since is None:
        return 0
    columns = session_event.c
    own = select(func.max(columns.created_at)).where(columns.session == row.id, columns.direction == "outgoing")
    last = ctx.db.execute(own.where(columns.created_at > row.active_since)).scalar()
    return 0 if last is None else active_acus(last - row.active_since, ctx.runtime.settings.acu_seconds)
