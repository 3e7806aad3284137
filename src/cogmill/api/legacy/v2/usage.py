"""Consumption of v2."""

from datetime import UTC, datetime

from cogmill.access.context import Context
from cogmill.api.legacy.reading import everything, iso, told_as
from cogmill.api.legacy.v2.usage_schemas import ConsumptionV2Out, CycleV2Out, DaysV2Query, UserConsumptionV2Out
from cogmill.domain.usage import service
from cogmill.domain.usage.schemas import DaysQuery
from cogmill.web.params import PageQuery


def list_cycles(ctx: Context) -> list[CycleV2Out]:
    """Billing cycles, newest first."""
    found = everything(lambda after, first: service.cycles(ctx, PageQuery(after=after, first=first)))
    return [CycleV2Out(start=iso(one.after), end=iso(one.before)) for one in found]


def daily(ctx: Context, query: DaysV2Query) -> ConsumptionV2Out:
    """Days are named by the date on which they begin, at 08:00 UTC."""
    found = _shares(ctx, query)
    return ConsumptionV2Out(**_shown(found), consumption_by_user=found.by_user)


def daily_of_user(ctx: Context, user_id: str, query: DaysV2Query) -> UserConsumptionV2Out:
    """The same of the sessions of one user."""
    return UserConsumptionV2Out(**_shown(_shares(ctx, query, user_id)))


def _shares(ctx: Context, query: DaysV2Query, user_id: str | None = None) -> service.Shares:
    """Of the two names that each end has, the one with `date` goes first."""
    after = query.start if query.start_date is None else query.start_date
    before = query.end if query.end_date is None else query.end_date
    with told_as({"time_after": "start_date", "time_before": "end_date"}):
        return service.shares(ctx, DaysQuery(time_after=after, time_before=before), query.org_ids, user_id)


def _shown(found: service.Shares) -> dict[str, object]:
    by_date = {str(datetime.fromtimestamp(day, UTC).date()): acus for day, acus in found.by_day.items()}
    return {
        "total_acus": sum(found.by_day.values()), "consumption_by_date": by_date,
        "consumption_by_org_id": found.by_org,
    }  # fmt: skip
