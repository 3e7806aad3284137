"""Consumption and metrics of v2."""

from collections.abc import Sequence
from datetime import UTC, datetime

from cogmill.access.context import Context
from cogmill.api.legacy.reading import everything, iso, told_as
from cogmill.api.legacy.v2.pages import page_of
from cogmill.api.legacy.v2.schemas import PageV2Out, SkipQuery
from cogmill.api.legacy.v2.usage_schemas import (
    ConsumptionV2Out,
    CycleV2Out,
    DaysV2Query,
    MetricsV2Query,
    PrMetricsV2Out,
    SearchMetricsV2Out,
    SessionMetricsV2Out,
    UsageMetricsV2Out,
    UsageWindowV2Out,
    UserConsumptionV2Out,
    UserUsageV2Out,
)
from cogmill.domain.members import users
from cogmill.domain.members.schemas import UserListQuery, UserOut
from cogmill.domain.metrics import service as metrics
from cogmill.domain.metrics.schemas import UsageQuery
from cogmill.domain.usage import service
from cogmill.domain.usage.schemas import DaysQuery
from cogmill.web.params import PageQuery

ENDS = {"time_after": "start_date", "time_before": "end_date"}
DAY = 86_400


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
    with told_as(ENDS):
        days = DaysQuery(time_after=query.after, time_before=query.before)
        return service.shares(ctx, days, query.org_ids, user_id)


def _shown(found: service.Shares) -> dict[str, object]:
    by_date = {str(datetime.fromtimestamp(day, UTC).date()): acus for day, acus in found.by_day.items()}
    return {
        "total_acus": sum(found.by_day.values()), "consumption_by_date": by_date,
        "consumption_by_org_id": found.by_org,
    }  # fmt: skip


def sessions(ctx: Context, query: MetricsV2Query) -> SessionMetricsV2Out:
    return SessionMetricsV2Out(sessions_count=_counts(ctx, query).sessions_count)


def searches(ctx: Context, query: MetricsV2Query) -> SearchMetricsV2Out:
    return SearchMetricsV2Out(searches_count=_counts(ctx, query).searches_count)


def pull_requests(ctx: Context, query: MetricsV2Query) -> PrMetricsV2Out:
    return PrMetricsV2Out.model_validate(_counts(ctx, query).model_dump())


def all_metrics(ctx: Context, query: MetricsV2Query) -> UsageMetricsV2Out:
    """The other three in one."""
    return _counts(ctx, query)


def _counts(ctx: Context, query: MetricsV2Query) -> UsageMetricsV2Out:
    with told_as(ENDS):
        times = UsageQuery(time_after=query.after, time_before=query.before)
        found = metrics.counts(ctx, times, query.org_ids, query.user_ids)
    return UsageMetricsV2Out(
        sessions_count=found["sessions"], searches_count=found["searches"], prs_opened=found["prs_opened"],
        prs_closed=found["prs_closed"], prs_merged=found["prs_merged"],
    )  # fmt: skip


def use_of_members(ctx: Context, query: SkipQuery) -> PageV2Out[UserUsageV2Out]:
    """What each user of the enterprise began in the last 7 and 30 days, and ever."""
    return page_of(
        lambda after, first: users.list_page(ctx, UserListQuery(after=after, first=first)),
        query,
        lambda rows: _used(ctx, users.present(ctx, rows)),
    )


def _used(ctx: Context, found: Sequence[UserOut]) -> list[UserUsageV2Out]:
    ids, now = [one.user_id for one in found], int(ctx.now)
    did = metrics.use_of_people(ctx, ids, [now - 7 * DAY, now - 30 * DAY, 0])
    windows = {user_id: [_window(use) for use in uses] for user_id, uses in did.items()}
    return [
        UserUsageV2Out(
            user_id=one.user_id, email=one.email or "", name=one.name or one.email or "",
            **dict(zip(("last_7_days", "last_30_days", "lifetime"), windows[one.user_id], strict=True)),
        )
        for one in found
    ]  # fmt: skip


def _window(did: metrics.Use) -> UsageWindowV2Out:
    average = did.acus / did.sessions if did.sessions else 0.0
    return UsageWindowV2Out(
        average_acus_per_session=average, total_acus_consumed=did.acus, sessions_started=did.sessions,
        searches_started=did.searches,
    )  # fmt: skip
