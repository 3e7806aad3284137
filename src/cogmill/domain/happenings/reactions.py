"""Which automations an event sets off: a run is queued in the transaction of its cause, once for each automation."""

from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from cogmill.access.context import Context
from cogmill.domain.happenings.conditions import matches
from cogmill.domain.happenings.types import internal
from cogmill.kit.ids import ordered_id
from cogmill.models.automations import automation, automation_run

AUTOMATIONS = "automations"
"""The background loop that does the runs."""
MOST_QUEUED = 1000
"""Runs of one automation that wait, where its own limit says nothing."""
DEEPEST = 5
"""Automations that may set off one another in a row."""
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def react(ctx: Context, automation_ids: list[str], event_type: str, data: dict[str, Any]) -> None:
    """Queue a run of each of the automations that wait for just this event.

    An automation does not react to a session that it started or wrote to itself: it would never end.
    """
    rows = ctx.db.execute(select(automation).where(automation.c.automation_id.in_(automation_ids))).all()
    columns = automation_run.c
    session_id = data.get("session_id")  # None: a run of a schedule that got none; it is nobody's own
    touched = select(columns.automation_id, columns.depth).where(columns.session_id == session_id)
    before = [(one.automation_id, one.depth) for one in ctx.db.execute(touched)] if session_id is not None else []
    if ctx.set_off_by is not None:  # its run is not written down yet, but what happens here is its doing
        before.append(ctx.set_off_by)
    depth = max((one_depth for _, one_depth in before), default=0) + 1
    own = {automation_id for automation_id, _ in before}
    moment = data.get("seq") or data.get("head_commit") or f"{data.get('schedule_id')}/{data.get('run')}"
    cause = f"{event_type}/{data.get('pull_request_id') or data.get('session_id')}/{moment}"
    for row in rows:
        if not row.enabled or row.automation_id in own or depth > DEEPEST or not fits(row, event_type, data):
            continue
        if session_id is None or not _wrote_to(ctx, row, session_id):
            queue(ctx, row, cause, event_type, data, depth=depth)


def _wrote_to(ctx: Context, row: Any, session_id: str) -> bool:
    """Whether a run of it wrote to the session beside starting, or writing to, the one that the run names."""
    actions, columns = row.document["actions"], automation_run.c
    targets = [_target(one) for one in actions if one["type"] == "message_session"]
    runs = select(columns.run_id).where(columns.automation_id == row.automation_id, columns.state == "done")
    if session_id not in targets:
        if None not in targets or all(one["type"] != "start_session" for one in actions):
            return False
        runs = runs.where(columns.event["session_id"].as_string() == session_id)  # without a name: the event's own
    return ctx.db.execute(runs.limit(1)).first() is not None


def _target(action: dict[str, Any]) -> str | None:
    given = action["session"] or {}
    return given.get("session_id") or given.get("devin_id")


def fits(row: Any, event_type: str, data: dict[str, Any]) -> bool:
    """Whether a trigger of the automation waits for the event."""
    return any(
        event_type in (one["event_type"], *internal(one["event_type"])) and matches(one["conditions"], data)
        for one in row.document["triggers"]
    )


def queue(
    ctx: Context, row: Any, cause: str, event_type: str, data: dict[str, Any], *, depth: int = 1
) -> tuple[str | None, str | None]:
    """A run of the automation: its id, and why it is left out. (None, None): this cause had its run before."""
    refused = _refusal(ctx, row)
    values = {
        "run_id": ordered_id("run"), "automation_id": row.automation_id, "cause": cause, "event_type": event_type,
        "event": data, "state": "skipped" if refused else "queued", "depth": depth, "session_id": None,
        "error": refused, "created_at": ctx.now, "finished_at": ctx.now if refused else None,
    }  # fmt: skip
    statement = _INSERTS[ctx.db.dialect.name](automation_run).values(values).on_conflict_do_nothing()
    if ctx.db.execute(statement.returning(automation_run.c.run_id)).first() is None:
        return None, None
    ctx.after_commit.append(partial(ctx.runtime.signals.due, AUTOMATIONS))
    return str(values["run_id"]), refused


def _refusal(ctx: Context, row: Any) -> str | None:
    """Why one more run is too many."""
    columns = automation_run.c
    cap = (row.document.get("limits") or {}).get("invocations")
    if cap is not None:
        # One after the other: two events at once must not both find the last place free.
        ctx.db.execute(
            select(automation.c.name).where(automation.c.automation_id == row.automation_id).with_for_update()
        )
        recent = select(columns.run_id).where(
            columns.automation_id == row.automation_id,
            columns.created_at > ctx.now - cap["window_seconds"],
            columns.state != "skipped",
        )
        if _count(ctx, recent, cap["max_per_window"]) >= cap["max_per_window"]:
            return (
                f"limits.invocations: {cap['max_per_window']} runs within {cap['window_seconds']} seconds are used up."
            )
    depth = (row.document.get("concurrency") or {}).get("max_queue_depth")
    most = MOST_QUEUED if depth is None else depth
    waiting = select(columns.run_id).where(columns.automation_id == row.automation_id, columns.state == "queued")
    if _count(ctx, waiting, most + 1) > most:
        return f"concurrency.max_queue_depth: {most} runs wait already."
    return None


def _count(ctx: Context, query: Any, most: int) -> int:
    return int(ctx.db.execute(select(func.count()).select_from(query.limit(most).subquery())).scalar_one())
