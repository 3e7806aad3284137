"""Builds as the engine sees them: claimed, ended, chosen for sessions, removed."""

from typing import Any

from sqlalchemy import exists, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.domain.snapshot_builds.service import OPEN, usable
from cogmill.models.access import organization
from cogmill.models.environments import session_snapshot, snapshot_build
from cogmill.models.sessions import session

BuildRow = Row[Any]
MOST_ATTEMPTS = 3
ENDED = ("exit", "error")
"""States of sessions that never run again."""


def claim_next(ctx: Context) -> BuildRow | None:
    """Take the oldest waiting build of an organization in which none runs."""
    columns, other = snapshot_build.c, snapshot_build.alias()
    running = exists().where(other.c.org_id == columns.org_id, other.c.status == "running")
    gone = exists().where(organization.c.org_id == columns.org_id, organization.c.deleted_at.is_not(None))
    waiting = select(columns.build_id).where(columns.status == "pending", ~running, ~gone)
    build_id = ctx.db.execute(waiting.order_by(columns.build_id).limit(1)).scalar()
    if build_id is None:
        return None
    claim = update(snapshot_build).where(columns.build_id == build_id, columns.status == "pending")
    values = {"status": "running", "attempt": columns.attempt + 1, "started_at": ctx.now, "updated_at": ctx.now}
    return ctx.db.execute(claim.values(values).returning(*columns)).one_or_none()


def take_up(ctx: Context) -> list[BuildRow]:
    """At the start of the server: what the last process was cut in waits again, but not for ever."""
    columns = snapshot_build.c
    cut = update(snapshot_build).where(columns.status == "running")
    failed = {"status": "failed", "completed_at": ctx.now, "updated_at": ctx.now}
    failed |= {"failed_step": f"The server went down {MOST_ATTEMPTS} times during this build."}
    lost = list(ctx.db.execute(cut.where(columns.attempt >= MOST_ATTEMPTS).values(failed).returning(*columns)))
    ctx.db.execute(cut.values(status="pending", updated_at=ctx.now))
    return lost


def stands(ctx: Context, row: BuildRow) -> bool:
    """Whether a claim still counts."""
    columns = snapshot_build.c
    mine = (columns.build_id == row.build_id, columns.status == "running", columns.attempt == row.attempt)
    return ctx.db.execute(select(columns.build_id).where(*mine)).first() is not None


def newest(ctx: Context, org_id: str) -> BuildRow | None:
    """The last build whose snapshot is there and whose parts are known: partial builds go on from it."""
    query = usable(ctx, org_id).order_by(None).where(snapshot_build.c.made_of.is_not(None))
    return ctx.db.execute(query.order_by(snapshot_build.c.build_id.desc()).limit(1)).one_or_none()


def note(ctx: Context, row: BuildRow, base_build_id: str | None, made_of: dict[str, Any]) -> bool:
    """Write down what a build is made of, before its steps run: also of one that fails."""
    return _change(ctx, row, base_build_id=base_build_id, made_of=made_of)


def end(ctx: Context, row: BuildRow, failed_step: str | None, context: dict[str, Any] | None) -> bool:
    """Write down how a run ended; False when its claim is over: cancelled, or taken up by another one."""
    status = "succeeded" if failed_step is None else "failed"
    return _change(ctx, row, status=status, failed_step=failed_step, context=context, completed_at=ctx.now)


def release(ctx: Context, row: BuildRow) -> bool:
    """Give a build back, for the next process to begin anew."""
    return _change(ctx, row, status="pending", attempt=row.attempt - 1)


def _change(ctx: Context, row: BuildRow, **values: Any) -> bool:
    columns = snapshot_build.c
    mine = (columns.build_id == row.build_id, columns.status == "running", columns.attempt == row.attempt)
    return ctx.db.execute(update(snapshot_build).where(*mine).values(values | {"updated_at": ctx.now})).rowcount == 1


def choose(ctx: Context, session_row: int, org_id: str) -> BuildRow | None:
    """The snapshot that a session begins with; tied to it, so that it is kept as long as the session can run."""
    row = ctx.db.execute(usable(ctx, org_id).limit(1).with_for_update()).one_or_none()
    if row is not None:
        ctx.db.execute(insert(session_snapshot).values(session=session_row, build_id=row.build_id))
    return row


def is_any(ctx: Context, org_id: str) -> bool:
    """Whether the organization has a snapshot to start from."""
    return ctx.db.execute(usable(ctx, org_id).limit(1)).first() is not None


def of_session(ctx: Context, session_row: int) -> BuildRow | None:
    """The snapshot that a session began with."""
    query = select(snapshot_build).join(session_snapshot, session_snapshot.c.build_id == snapshot_build.c.build_id)
    return ctx.db.execute(query.where(session_snapshot.c.session == session_row)).one_or_none()


def discard(ctx: Context, build_id: str, before: float) -> bool:
    """Give up a snapshot that nobody starts from: neither pinned nor newest, old, and of no session that can run."""
    row = ctx.db.execute(
        select(snapshot_build).where(snapshot_build.c.build_id == build_id).with_for_update()
    ).one_or_none()
    if row is None:
        return True
    if row.status in OPEN:
        return False
    if row.status != "succeeded" or row.removed_at is not None:
        return True
    latest = ctx.db.execute(
        usable(ctx, row.org_id).order_by(None).order_by(snapshot_build.c.build_id.desc()).limit(1)
    ).one()
    if row.is_pinned or row.build_id == latest.build_id or row.completed_at > before or _in_use(ctx, build_id):
        return False
    values = {"removed_at": ctx.now, "updated_at": ctx.now}
    ctx.db.execute(update(snapshot_build).where(snapshot_build.c.build_id == build_id).values(values))
    return True


def _in_use(ctx: Context, build_id: str) -> bool:
    query = select(session.c.id).join(session_snapshot, session_snapshot.c.session == session.c.id)
    query = query.where(session_snapshot.c.build_id == build_id, session.c.status.not_in(ENDED))
    return ctx.db.execute(query.limit(1)).first() is not None
