"""Schedules and their runs as the API shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.domain.playbooks.use import titles
from cogmill.domain.schedules.schemas import PlaybookInfo, ScheduleOut, ScheduleRunOut
from cogmill.domain.schedules.service import ScheduleRow, find
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.schedules import schedule_run
from cogmill.web.params import PageQuery

SAME = (
    "org_id", "created_by", "last_edited_by", "name", "prompt", "agent", "schedule_type", "frequency",
    "interval_count", "target_devin_id", "tags", "platform", "bypass_approval", "notify_on", "slack_channel_id",
    "slack_team_id", "enabled", "last_error_message", "consecutive_failures", "overlap", "run_as_user_id",
)  # fmt: skip
TIMES = ("scheduled_at", "created_at", "updated_at", "last_executed_at", "last_error_at")


def present(ctx: Context, rows: Sequence[ScheduleRow]) -> list[ScheduleOut]:
    """Rows with the titles of their playbooks; one that was deleted since has none."""
    known = titles(ctx, {row.playbook_id for row in rows if row.playbook_id is not None})
    return [_out(row, known) for row in rows]


def runs(ctx: Context, schedule_id: str, query: PageQuery) -> Slice[ScheduleRunOut]:
    """What became of the runs, newest first."""
    row, columns = find(ctx, schedule_id), schedule_run.c
    kept = select(schedule_run).where(columns.schedule == row.id)
    return fetch_page(ctx.db, kept, columns.number, query.first, query.after, descending=True).map(_run)


def iso(moment: float | None) -> datetime | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def _out(row: ScheduleRow, known: dict[str, str]) -> ScheduleOut:
    playbook = row.playbook_id and PlaybookInfo(playbook_id=row.playbook_id, title=known.get(row.playbook_id))
    values: dict[str, Any] = {name: getattr(row, name) for name in SAME}
    values |= {name: iso(getattr(row, name)) for name in TIMES}
    return ScheduleOut(
        **values, scheduled_session_id=row.schedule_id, playbook=playbook or None, next_run_at=iso(row.due_at)
    )


def _run(row: Any) -> ScheduleRunOut:
    values = {name: getattr(row, name) for name in ScheduleRunOut.model_fields}
    return ScheduleRunOut(**values | {"due_at": iso(row.due_at), "ran_at": iso(row.ran_at)})
