"""Handlers of the consumption operations; both scopes share them."""

from cogmill.access.context import Context
from cogmill.domain.usage import service
from cogmill.domain.usage.schemas import ConsumptionCycle, ConsumptionOut, DaysQuery
from cogmill.web.params import Page, PageQuery, page_of


def list_cycles(ctx: Context, query: PageQuery) -> Page[ConsumptionCycle]:
    return page_of(service.cycles(ctx, query))


def daily(ctx: Context, query: DaysQuery) -> ConsumptionOut:
    return service.of_place(ctx, query)


def daily_of_user(ctx: Context, user_id: str, query: DaysQuery) -> ConsumptionOut:
    return service.of_user(ctx, user_id, query)


def daily_of_service_user(ctx: Context, service_user_id: str, query: DaysQuery) -> ConsumptionOut:
    return service.of_service_user(ctx, service_user_id, query)


def daily_of_session(ctx: Context, session_id: str, query: DaysQuery) -> ConsumptionOut:
    return service.of_session(ctx, session_id, query)
