"""Keeping schedules: every rule of their fields, of who may say what they do, and as whom."""

from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import owned
from cogmill.domain.organizations.rules import check_tags
from cogmill.domain.playbooks.use import by_id as playbook_by_id
from cogmill.domain.schedules import acting, blocks, rules
from cogmill.domain.schedules.schemas import ScheduleIn, ScheduleListQuery, SchedulePatch
from cogmill.domain.sessions.create import attribution, check_platform
from cogmill.kit.errors import NotFound
from cogmill.kit.ids import new_id
from cogmill.models.schedules import schedule

ScheduleRow = Row[Any]
LOOP = "schedules"
"""The background loop that runs them."""
CLEARED = {
    "frequency", "scheduled_at", "target_devin_id", "playbook_id", "tags", "platform", "slack_channel_id",
    "slack_team_id", "run_as_user_id",
}  # fmt: skip
"""Fields that null empties; null in any other one says nothing."""
DIRECTING = {
    "prompt", "agent", "playbook_id", "platform", "bypass_approval", "target_devin_id", "run_as_user_id",
}  # fmt: skip
"""Fields that say what is done, and in whose name."""
TIMING = {"schedule_type", "frequency", "interval_count", "scheduled_at", "enabled"}


def live(ctx: Context) -> Any:
    return owned(schedule, ctx.scope).where(schedule.c.deleted_at.is_(None))


def find(ctx: Context, schedule_id: str, *, lock: bool = False) -> ScheduleRow:
    query = live(ctx).where(schedule.c.schedule_id == schedule_id)
    row = ctx.db.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no schedule {schedule_id[:64]!r} here.")
    return row


def list_part(ctx: Context, query: ScheduleListQuery) -> tuple[list[ScheduleRow], bool]:
    """Newest first; whether there are more behind."""
    start = blocks.beginning(ctx, query.offset)
    if start is None:
        return [], False
    page = live(ctx).where(schedule.c.id < start.below).order_by(schedule.c.id.desc())
    rows = ctx.db.execute(page.limit(query.limit + 1).offset(start.offset)).all()
    return list(rows[: query.limit]), len(rows) > query.limit


def create(ctx: Context, data: ScheduleIn) -> ScheduleRow:
    """A schedule that is enabled from now on."""
    given = _columns(data, set(ScheduleIn.model_fields) - {"create_as_user_id"})
    row = SimpleNamespace(
        **given, schedule_id=new_id("sched"), org_id=ctx.scope.one_org, enabled=True, user_id=ctx.principal.user_id,
        service_user_id=ctx.principal.service_user_id, run_as_user_id=None, created_by=ctx.principal.principal_id,
        last_edited_by=None, created_at=ctx.now, updated_at=ctx.now, deleted_at=None, last_executed_at=None,
        last_error_at=None, last_error_message=None, consecutive_failures=0, last_session_id=None, runs=0,
    )  # fmt: skip
    rules.check_fields(row, given, ctx.now, starts=True)
    if data.create_as_user_id is not None:
        row.run_as_user_id = row.created_by = attribution(ctx, data.create_as_user_id)
    _check(ctx, row, set(given))
    row.due_at = rules.due_at(row, ctx.now)
    made = ctx.db.execute(insert(schedule).values(vars(row)).returning(schedule.c.id)).scalar_one()
    blocks.count(ctx, made, 1)
    ctx.audited |= {"schedule_id": row.schedule_id, "name": row.name}
    return _changed(ctx, row.schedule_id)


def patch(ctx: Context, schedule_id: str, data: SchedulePatch) -> ScheduleRow:
    """Change what is sent. Who says what it does must be the one as whom it runs, or may act as that user."""
    before = find(ctx, schedule_id, lock=True)
    sent = {name for name in data.model_fields_set if getattr(data, name) is not None or name in CLEARED}
    given = _columns(data, sent)
    after = SimpleNamespace(**before._asdict() | given)
    changed = {name for name in given if given[name] != getattr(before, name)}
    starts = after.enabled and (not before.enabled or "schedule_type" in changed)
    rules.check_fields(after, given, ctx.now, starts=starts)
    if given.get("run_as_user_id") is not None:
        attribution(ctx, given["run_as_user_id"])
        ctx.audited |= {"as_user_id": given["run_as_user_id"]}
    _check(ctx, after, changed)
    if changed & TIMING:
        given["due_at"] = rules.due_at(after, ctx.now)
    given |= {"updated_at": ctx.now, "last_edited_by": ctx.principal.principal_id}
    ctx.db.execute(update(schedule).where(schedule.c.id == before.id).values(given))
    ctx.audited |= {"name": after.name, "changed": sorted(changed)}
    return _changed(ctx, schedule_id)


def remove(ctx: Context, schedule_id: str) -> ScheduleRow:
    """Out of reach from now on; its sessions stay. Answers the schedule as it was."""
    row = find(ctx, schedule_id, lock=True)
    gone = {"deleted_at": ctx.now, "updated_at": ctx.now, "enabled": False, "due_at": None}
    ctx.db.execute(update(schedule).where(schedule.c.id == row.id).values(gone))
    blocks.count(ctx, row.id, -1)
    ctx.audited |= {"name": row.name}
    _wake(ctx)
    return row


def _check(ctx: Context, row: Any, changed: set[str]) -> None:
    """What the changed fields name must exist, and the one as whom it runs must be able to do it."""
    if "platform" in changed:
        check_platform(ctx, row.platform)
    if "playbook_id" in changed and row.playbook_id is not None:
        playbook_by_id(ctx, row.playbook_id, "playbook_id")
    if "tags" in changed:
        check_tags(ctx, row.tags or [])
    if not changed & DIRECTING:
        return
    acting.require_may_direct(ctx, row)
    inner = acting.act(ctx, row)
    if row.target_devin_id is not None and "target_devin_id" in changed:
        row.target_devin_id = acting.target_of(inner, row).session_id


def _columns(data: ScheduleIn | SchedulePatch, names: set[str]) -> dict[str, Any]:
    """Sent fields as they are kept."""
    values = {name: getattr(data, name) for name in names}
    if values.get("agent") == "advanced":  # of older clients
        values["agent"] = "devin"
    if isinstance(at := values.get("scheduled_at"), datetime):
        values["scheduled_at"] = at.timestamp()
    if values.get("tags") is not None:
        values["tags"] = list(dict.fromkeys(values["tags"]))
    return values


def _changed(ctx: Context, schedule_id: str) -> ScheduleRow:
    _wake(ctx)
    return find(ctx, schedule_id)


def _wake(ctx: Context) -> None:
    ctx.after_commit.append(partial(ctx.runtime.signals.due, LOOP))
