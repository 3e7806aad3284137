"""Handlers of metrics and of the queue's state."""

from cogmill.access.context import Context
from cogmill.domain.metrics import service
from cogmill.domain.metrics.schemas import (
    ActiveQuery,
    ActiveUsersOut,
    CategoriesOut,
    EnterpriseActiveQuery,
    EnterpriseSessionsQuery,
    EnterpriseTimesQuery,
    PrMetricsOut,
    QueueOut,
    SearchMetricsOut,
    SessionMetricsOut,
    SessionsQuery,
    TimesQuery,
    UsageMetricsOut,
    UsageQuery,
)


def active_users(ctx: Context, query: ActiveQuery) -> ActiveUsersOut:
    return service.active_users(ctx, query)


def dau(ctx: Context, query: ActiveQuery) -> list[ActiveUsersOut]:
    """Whole days, UTC."""
    return service.active_users_of(ctx, query, "d")


def wau(ctx: Context, query: ActiveQuery) -> list[ActiveUsersOut]:
    """Whole weeks, Monday to Sunday, UTC."""
    return service.active_users_of(ctx, query, "w")


def mau(ctx: Context, query: ActiveQuery) -> list[ActiveUsersOut]:
    """Whole calendar months, UTC."""
    return service.active_users_of(ctx, query, "m")


def sessions(ctx: Context, query: SessionsQuery) -> SessionMetricsOut:
    return service.sessions(ctx, query)


def pull_requests(ctx: Context, query: SessionsQuery) -> PrMetricsOut:
    return service.pull_requests(ctx, query)


def searches(ctx: Context, query: TimesQuery) -> SearchMetricsOut:
    return service.searches(ctx, query)


def usage(ctx: Context, query: UsageQuery) -> UsageMetricsOut:
    return service.usage(ctx, query)


def enterprise_active_users(ctx: Context, query: EnterpriseActiveQuery) -> ActiveUsersOut:
    return service.active_users(ctx, query)


def enterprise_dau(ctx: Context, query: EnterpriseActiveQuery) -> list[ActiveUsersOut]:
    """Whole days, UTC."""
    return service.active_users_of(ctx, query, "d")


def enterprise_wau(ctx: Context, query: EnterpriseActiveQuery) -> list[ActiveUsersOut]:
    """Whole weeks, Monday to Sunday, UTC."""
    return service.active_users_of(ctx, query, "w")


def enterprise_mau(ctx: Context, query: EnterpriseActiveQuery) -> list[ActiveUsersOut]:
    """Whole calendar months, UTC."""
    return service.active_users_of(ctx, query, "m")


def enterprise_sessions(ctx: Context, query: EnterpriseSessionsQuery) -> SessionMetricsOut:
    return service.sessions(ctx, query)


def enterprise_pull_requests(ctx: Context, query: EnterpriseSessionsQuery) -> PrMetricsOut:
    return service.pull_requests(ctx, query)


def enterprise_searches(ctx: Context, query: EnterpriseTimesQuery) -> SearchMetricsOut:
    return service.searches(ctx, query)


def sessions_by_category(ctx: Context, query: EnterpriseTimesQuery) -> CategoriesOut:
    return service.sessions_by_category(ctx, query)


def queue(ctx: Context) -> QueueOut:
    """Sessions that wait for a place to run."""
    return service.queue(ctx)
