"""Handlers of insights."""

from cogmill.access.context import Context
from cogmill.domain.insights import service
from cogmill.domain.insights.schemas import GenerateOut, InsightsOut
from cogmill.domain.sessions.listing import Place
from cogmill.domain.sessions.queries import enter
from cogmill.domain.sessions.schemas import EnterpriseSessionListQuery, OrgQuery, SessionListQuery
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: SessionListQuery) -> Page[InsightsOut]:
    return page_of(service.list_page(ctx, query, Place(devin_id=query.devin_id)))


def list_everywhere(ctx: Context, query: EnterpriseSessionListQuery) -> Page[InsightsOut]:
    """Of all organizations, or of those that are named; newest first."""
    return page_of(service.list_page(ctx, query, Place(org_ids=query.org_ids, with_deleted=query.include_deleted_orgs)))


def get(ctx: Context, devin_id: str) -> InsightsOut:
    return service.get(ctx, devin_id)


def generate(ctx: Context, devin_id: str) -> GenerateOut:
    return service.generate(ctx, devin_id)


def enterprise_get(ctx: Context, devin_id: str, query: OrgQuery) -> InsightsOut:
    enter(ctx, devin_id, query.org_id)
    return service.get(ctx, devin_id)


def enterprise_generate(ctx: Context, devin_id: str, query: OrgQuery) -> GenerateOut:
    enter(ctx, devin_id, query.org_id)
    return service.generate(ctx, devin_id)
