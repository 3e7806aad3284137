"""Handlers of the limits of a cycle."""

from starlette.responses import Response

from cogmill.access.context import Context
from cogmill.domain.acu_limits import service
from cogmill.domain.acu_limits.schemas import AcuLimitIn, AcuLimitOut, StandingOut
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[AcuLimitOut]:
    return page_of(service.list_page(ctx, query))


def list_standings(ctx: Context, query: PageQuery) -> Page[StandingOut]:
    return page_of(service.standings(ctx, query))


def set_of_organization(ctx: Context, body: AcuLimitIn) -> Response:
    service.change_organization(ctx, body.cycle_acu_limit)
    return Response(status_code=204)


def clear_of_organization(ctx: Context) -> Response:
    service.change_organization(ctx, None)
    return Response(status_code=204)


def set_of_user(ctx: Context, user_id: str, body: AcuLimitIn) -> Response:
    service.change_user(ctx, user_id, body.cycle_acu_limit)
    return Response(status_code=204)


def clear_of_user(ctx: Context, user_id: str) -> Response:
    service.change_user(ctx, user_id, None)
    return Response(status_code=204)


def set_of_enterprise(ctx: Context, body: AcuLimitIn) -> Response:
    service.change_enterprise(ctx, body.cycle_acu_limit)
    return Response(status_code=204)


def clear_of_enterprise(ctx: Context) -> Response:
    service.change_enterprise(ctx, None)
    return Response(status_code=204)
