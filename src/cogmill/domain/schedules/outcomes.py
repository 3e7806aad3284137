"""What becomes of the sessions that schedules started: one that ends in an error is a failure of its schedule."""

from typing import Any

from sqlalchemy import or_, select, update

from cogmill.access.context import Context
from cogmill.domain.schedules.notices import Ran, tell
from cogmill.models.schedules import schedule, schedule_run
from cogmill.models.sessions import session

_C = schedule.c
_ERRED = or_(
    session.c.status == "error", (session.c.status == "suspended") & (session.c.status_detail == "error")
)  # fmt: skip
"""Gone wrong for good, or until somebody writes to it."""


def failed(ctx: Context, row: Any) -> bool:
    """Whether the schedule's latest failure is its last session's, which a mere start of the next one does not undo."""
    if not row.consecutive_failures or row.last_session_id is None:
        return False
    last = select(session.c.id).where(session.c.session_id == row.last_session_id, _ERRED)
    return ctx.db.execute(last).first() is not None


def session_erred(ctx: Context, schedule_id: str, session_id: str) -> None:
    """Count it, once for each run, while no later run of the schedule has a session."""
    mine = (_C.schedule_id == schedule_id, _C.last_session_id == session_id, _C.deleted_at.is_(None))
    fresh = or_(_C.last_error_at.is_(None), _C.last_error_at < _C.last_executed_at)
    error = f"Session {session_id} ended in an error. Its log says why."
    values = {"last_error_at": ctx.now, "last_error_message": error}
    values |= {"consecutive_failures": _C.consecutive_failures + 1}
    row = ctx.db.execute(update(schedule).where(*mine, fresh).values(values).returning(*_C)).one_or_none()
    if row is None:
        return
    runs = schedule_run.c
    started = (runs.schedule == row.id, runs.session_id == session_id, runs.outcome == "started")
    number = ctx.db.execute(update(schedule_run).where(*started).values(error=error).returning(runs.number)).scalar()
    tell(ctx, row, Ran("failed", session_id, error), number or row.runs, row.consecutive_failures)


def session_finished(ctx: Context, schedule_id: str, session_id: str) -> None:
    """The last run went well: no failures in a row any more."""
    mine = (_C.schedule_id == schedule_id, _C.last_session_id == session_id, _C.consecutive_failures > 0)
    ctx.db.execute(update(schedule).where(*mine).values(consecutive_failures=0))
