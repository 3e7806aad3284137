"""Handlers of schedules."""

from cogmill.access.context import Context
from cogmill.domain.schedules import present, service
from cogmill.domain.schedules.schemas import (
    ScheduleIn,
    ScheduleListQuery,
    ScheduleOut,
    SchedulePatch,
    ScheduleRunOut,
)
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: ScheduleListQuery) -> Page[ScheduleOut]:
    """Newest first. For the next page add the number of items to `offset`."""
    rows, more = service.list_part(ctx, query)
    return Page.model_construct(items=present.present(ctx, rows), end_cursor=None, has_next_page=more, total=None)


def create(ctx: Context, body: ScheduleIn) -> ScheduleOut:
    """Recurring ones need `frequency`, one_time ones `scheduled_at`."""
    return _show(ctx, service.create(ctx, body))


def get(ctx: Context, schedule_id: str) -> ScheduleOut:
    return _show(ctx, service.find(ctx, schedule_id))


def update(ctx: Context, schedule_id: str, body: SchedulePatch) -> ScheduleOut:
    """Changes what is sent."""
    return _show(ctx, service.patch(ctx, schedule_id, body))


def delete(ctx: Context, schedule_id: str) -> ScheduleOut:
    """Its sessions stay."""
    return _show(ctx, service.remove(ctx, schedule_id))


def runs(ctx: Context, schedule_id: str, query: PageQuery) -> Page[ScheduleRunOut]:
    """What became of its times, newest first; the last 100."""
    return page_of(present.runs(ctx, schedule_id, query))


def _show(ctx: Context, row: service.ScheduleRow) -> ScheduleOut:
    return present.present(ctx, [row])[0]
