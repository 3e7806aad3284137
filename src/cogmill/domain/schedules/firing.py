"""A run of a schedule: claimed, done and written down in one transaction, so that it happens once or not at all."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from cogmill.access.context import Context
from cogmill.domain.schedules.acting import act, target_of
from cogmill.domain.schedules.notices import Ran, tell
from cogmill.domain.schedules.outcomes import failed
from cogmill.domain.schedules.times import following
from cogmill.domain.sessions.create import create_session
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.schemas import MessageIn, SessionIn
from cogmill.domain.sessions.service import send_message
from cogmill.kit.faults import crash_point
from cogmill.kit.hot_insert import HotInsert
from cogmill.models.schedules import schedule, schedule_run
from cogmill.models.sessions import session

LATE = 60.0
"""Seconds behind its time from which a run counts as a catch-up."""
KEPT_RUNS = 100
# Built once: many schedules are due at the same minute, and making a statement takes longer than running it.
_MINE = (schedule.c.id == bindparam("row_id"), schedule.c.due_at == bindparam("then"))
_WAITING = select(schedule).where(*_MINE).with_for_update()
_RUN_STATE = select(session.c.run_state).where(session.c.session_id == bindparam("last"))
_RECORDED = (
    "runs", "last_error_at", "last_error_message", "consecutive_failures", "last_executed_at", "last_session_id",
    "due_at", "enabled",
)  # fmt: skip
_RECORD = update(schedule).where(*_MINE)
_RECORD = _RECORD.values({name: bindparam(f"new_{name}") for name in _RECORDED})
_INSERT_RUN = HotInsert(schedule_run)


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this transaction, and no other one, does: it holds the schedule's row."""

    row: Any
    due_at: float
    next_at: float | None
    missed: int
    is_late: bool


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of a run, and the audit record of what it did, which its transaction writes last."""

    ran: Ran
    record: dict[str, Any] | None = None


def fire(ctx: Context, row_id: int, due_at: float) -> Fired | None:
    """Do the run that was due then. None: somebody else did, or the schedule was changed. Raises what went wrong."""
    claim = _claim(ctx, row_id, due_at)
    if claim is None:
        return None
    crash_point("schedule_claimed")
    fired = _still_works(ctx, claim.row) or _run(ctx, claim)
    _record(ctx, claim, fired.ran)
    crash_point("schedule_recorded")
    return fired


def fail(ctx: Context, row_id: int, due_at: float, error: str) -> Fired | None:
    """Write down that the run could not be done; the next one has its own time."""
    claim = _claim(ctx, row_id, due_at)
    if claim is None:
        return None
    fired = Fired(Ran("failed", error=error[:2000]))
    _record(ctx, claim, fired.ran)
    return fired


def _claim(ctx: Context, row_id: int, due_at: float) -> Claim | None:
    """Take the schedule, if it still waits for this time, and find its next one."""
    row = ctx.db.execute(_WAITING, {"row_id": row_id, "then": due_at}).one_or_none()
    if row is None:
        return None
    next_at, missed = None, 0
    if row.schedule_type == "recurring":
        next_at, missed = following(row.frequency, row.interval_count, due_at, ctx.now)
    return Claim(row, due_at, next_at, missed, ctx.now - due_at >= LATE)


def _still_works(ctx: Context, row: Any) -> Fired | None:
    """The run is left out while the session of the run before is queued or running."""
    if row.overlap != "skip" or row.last_session_id is None:
        return None
    if ctx.db.execute(_RUN_STATE, {"last": row.last_session_id}).scalar() in {None, "idle"}:
        return None
    return Fired(Ran("skipped", row.last_session_id, "The session of the run before still works."))


def _run(ctx: Context, claim: Claim) -> Fired:
    """Start the session, or write to the one that is named, as the one as whom the schedule runs."""
    row, inner = claim.row, act(ctx, claim.row)
    if row.target_devin_id is not None:
        told = send_message(inner, target_of(inner, row).session_id, MessageIn(message=row.prompt))
        return _audited(inner, row, Ran("messaged", told.session_id), "send_message")
    data = SessionIn(
        prompt=row.prompt, title=row.name, tags=row.tags, playbook_id=row.playbook_id, platform=row.platform,
        bypass_approval=row.bypass_approval or None,
    )  # fmt: skip
    contents = {
        "schedule_id": row.schedule_id, "name": row.name, "agent": row.agent, "due_at": claim.due_at,
        "is_catch_up": claim.is_late, "missed": claim.missed,
    }  # fmt: skip
    late = " (catch-up)" if claim.is_late else ""
    event = NewEvent("schedule_fired", "lifecycle", f"Started by schedule {row.name}{late}", contents, "incoming")
    made = create_session(inner, data, None, "automation", row.schedule_id, told=[event])
    return _audited(inner, row, Ran("started", made.session_id), "create_session")


def _audited(inner: Context, row: Any, ran: Ran, action: str) -> Fired:
    who = inner.principal
    record = {
        "enterprise_id": inner.scope.enterprise_id, "org_id": row.org_id, "action": action, "at": inner.now,
        "user_id": who.user_id, "service_user_id": who.service_user_id, "request_id": inner.request_id,
        "data": {"session_id": ran.session_id, "schedule_id": row.schedule_id, "schedule": row.name},
    }  # fmt: skip
    return Fired(ran, record)


def _record(ctx: Context, claim: Claim, ran: Ran) -> None:
    """Write down what became of the run, and move the schedule on to its next time."""
    row = claim.row
    values: dict[str, Any] = {name: getattr(row, name) for name in _RECORDED} | {"runs": row.runs + 1}
    if ran.outcome == "failed":
        values |= {"last_error_at": ctx.now, "last_error_message": ran.error}
        values |= {"consecutive_failures": row.consecutive_failures + 1}
    elif ran.outcome != "skipped":
        values |= {"last_executed_at": ctx.now, "last_session_id": ran.session_id}
        values |= {"consecutive_failures": row.consecutive_failures if failed(ctx, row) else 0}
    values |= {"due_at": claim.next_at, "enabled": row.schedule_type == "recurring"}  # a one_time one disables itself
    new = {f"new_{name}": value for name, value in values.items()}
    ctx.db.execute(_RECORD, new | {"row_id": row.id, "then": claim.due_at})
    kept = {
        "schedule": row.id, "number": row.runs + 1, "due_at": claim.due_at, "ran_at": ctx.now, "outcome": ran.outcome,
        "session_id": ran.session_id, "error": ran.error, "is_catch_up": claim.is_late, "missed": claim.missed,
    }  # fmt: skip
    _INSERT_RUN(ctx.db, [kept])
    if row.runs >= KEPT_RUNS:
        old = (schedule_run.c.schedule == row.id, schedule_run.c.number <= row.runs + 1 - KEPT_RUNS)
        ctx.db.execute(delete(schedule_run).where(*old))
    tell(ctx, row, ran, row.runs + 1, values["consecutive_failures"])
    ctx.after_commit.insert(0, partial(crash_point, "schedule_committed"))  # before anybody is told
