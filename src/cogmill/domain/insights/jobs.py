"""Sessions whose log is to be looked at: rows that are written with their cause and taken by one process at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select, update

from cogmill.access.context import Context
from cogmill.kit.hot_change import HotChange
from cogmill.models.insights import session_insight
from cogmill.models.sessions import session

LOOP = "insights"
PENDING = frozenset({"queued", "running"})
_QUEUE = HotChange(
    "INSERT INTO session_insight (session, org_id, status, is_asked_for, attempt, queued_at)"
    " VALUES (:session, :org_id, 'queued', :is_asked_for, 0, :queued_at)"
    " ON CONFLICT (session) DO UPDATE SET status = 'queued', queued_at = excluded.queued_at,"
    " is_asked_for = session_insight.is_asked_for OR excluded.is_asked_for RETURNING session"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One job in the hands of one process."""

    row: Any
    """The session's."""
    attempt: int
    is_asked_for: bool
    known: Mapping[str, Any] | None
    """The analysis that there is."""
    messages: int | None
    """How many messages that one is about."""


def queue(ctx: Context, row_id: int, org_id: str, *, is_asked_for: bool = False) -> None:
    """Have the session looked at, once this is committed."""
    _QUEUE(ctx.db, {"session": row_id, "org_id": org_id, "is_asked_for": is_asked_for, "queued_at": ctx.now})
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))


def claim(ctx: Context) -> Claim | None:
    """Take the job that waits longest; two processes never take the same one."""
    columns = session_insight.c
    waiting = select(session_insight).where(columns.status == "queued").order_by(columns.queued_at).limit(1)
    job = ctx.db.execute(waiting.with_for_update(skip_locked=True)).one_or_none()
    if job is None:
        return None
    mine = update(session_insight).where(columns.session == job.session)
    ctx.db.execute(mine.values(status="running", attempt=columns.attempt + 1))
    row = ctx.db.execute(select(session).where(session.c.id == job.session)).one()
    return Claim(row, job.attempt + 1, job.is_asked_for, job.analysis, job.messages)


def finish(ctx: Context, claimed: Claim, status: str, **values: Any) -> bool:
    """The job is over; False, and nothing is written, when it was queued anew meanwhile or is gone."""
    columns = session_insight.c
    mine = (
        columns.session == claimed.row.id,
        columns.attempt == claimed.attempt,
        columns.status == "running",
    )
    change = update(session_insight).where(*mine).values(status=status, is_asked_for=False, **values)
    return ctx.db.execute(change).rowcount == 1


def release_all(ctx: Context) -> None:
    """What an earlier process was cut in waits again. There is one server for a database."""
    running = update(session_insight).where(session_insight.c.status == "running")
    ctx.db.execute(running.values(status="queued"))
