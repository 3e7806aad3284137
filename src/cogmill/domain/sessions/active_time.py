"""ACUs of the time that a session's run did not book itself, because it was stopped or cut."""

from dataclasses import dataclass

from sqlalchemy import func, select

from cogmill.access.context import Context
from cogmill.domain.sessions.queries import SessionRow
from cogmill.domain.usage.ledger import NOTHING, Use
from cogmill.domain.usage.reservations import reserved
from cogmill.models.sessions import session_event

MICRO = 1_000_000


def active_acus(seconds: float, acu_seconds: float) -> int:
    """Millionths of an ACU for active seconds."""
    return round(max(0.0, seconds) / acu_seconds * MICRO)


@dataclass(frozen=True, slots=True)
class Unbooked:
    """Active time that nobody has booked yet."""

    acus: int = 0
    use: Use = NOTHING


def of_stopped_run(ctx: Context, row: SessionRow) -> Unbooked:
    """What a run that is stopped now has not booked yet; the row is locked."""
    if row.run_state != "running" or row.active_since is None:
        return Unbooked()
    if not ctx.runtime.signals.runs(row.id):
        return of_cut_run(ctx, row)
    return _until(ctx, row, ctx.now)


def of_cut_run(ctx: Context, row: SessionRow) -> Unbooked:
    """What a run that was cut has not booked: up to the last thing it wrote, for nothing shows that it lived longer."""
    if row.active_since is None:
        return Unbooked()
    columns = session_event.c
    own = select(func.max(columns.created_at)).where(columns.session == row.id, columns.direction == "outgoing")
    last = ctx.db.execute(own.where(columns.created_at > row.active_since)).scalar()
    return Unbooked() if last is None else _until(ctx, row, last)


def _until(ctx: Context, row: SessionRow, end: float) -> Unbooked:
    """Where a limit holds, no more counts than was set aside."""
    seconds = max(0.0, end - row.active_since)
    acus = active_acus(seconds, ctx.runtime.settings.acu_seconds)
    if (held := reserved(ctx, row.id)) is not None:
        acus = min(acus, held)
    return Unbooked(acus, Use(at=end, active_ms=round(seconds * 1000)))
