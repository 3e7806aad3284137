"""Handlers of the session operations above the organizations: they find the organization, the rest is the same."""

from cogmill.access.context import Context
from cogmill.domain.sessions import endpoints, listing, queries
from cogmill.domain.sessions.schemas import (
    EnterpriseSessionListQuery,
    MessageIn,
    MessageOut,
    OrgQuery,
    SessionAttachmentOut,
    SessionOut,
    SessionPageQuery,
    TagsIn,
    TagsOut,
)
from cogmill.web.params import Page


def list_(ctx: Context, query: EnterpriseSessionListQuery) -> Page[SessionOut]:
    """Sessions of all organizations, or of those that are named."""
    place = listing.Place(org_ids=query.org_ids, with_deleted=query.include_deleted_orgs)
    return endpoints.show_page(ctx, listing.list_page(ctx, query, place))


def get(ctx: Context, devin_id: str, query: OrgQuery) -> SessionOut:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.get(ctx, devin_id)


def list_messages(ctx: Context, devin_id: str, query: SessionPageQuery) -> Page[MessageOut]:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.list_messages(ctx, devin_id, query)


def send_message(ctx: Context, devin_id: str, query: OrgQuery, body: MessageIn) -> SessionOut:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.send_message(ctx, devin_id, body)


def list_attachments(ctx: Context, devin_id: str, query: OrgQuery) -> list[SessionAttachmentOut]:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.list_attachments(ctx, devin_id)


def get_tags(ctx: Context, devin_id: str, query: OrgQuery) -> TagsOut:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.get_tags(ctx, devin_id)


def append_tags(ctx: Context, devin_id: str, query: OrgQuery, body: TagsIn) -> TagsOut:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.append_tags(ctx, devin_id, body)


def replace_tags(ctx: Context, devin_id: str, query: OrgQuery, body: TagsIn) -> TagsOut:
    queries.enter(ctx, devin_id, query.org_id)
    return endpoints.replace_tags(ctx, devin_id, body)
