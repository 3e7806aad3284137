"""Handlers of the organization operations."""

from cogmill.access.context import Context
from cogmill.domain.organizations import groups, rules, service, tags
from cogmill.domain.organizations.schemas import (
    AllowedTagsIn,
    AllowedTagsOut,
    DefaultTagIn,
    DefaultTagOut,
    OrganizationIn,
    OrganizationOut,
    OrganizationPatch,
    OrgGroupsIn,
    OrgGroupsOut,
)
from cogmill.web.params import Page, PageQuery, page_of


def list_(ctx: Context, query: PageQuery) -> Page[OrganizationOut]:
    return page_of(service.list_page(ctx, query).map(service.present))


def create(ctx: Context, body: OrganizationIn) -> OrganizationOut:
    return service.present(service.create(ctx, body))


def get(ctx: Context) -> OrganizationOut:
    return service.present(service.find(ctx))


def update(ctx: Context, body: OrganizationPatch) -> OrganizationOut:
    return service.present(service.change(ctx, body))


def delete(ctx: Context) -> OrganizationOut:
    """Deletes the organization; the server's administrator can restore it for a while."""
    return service.present(service.delete(ctx))


def get_tags(ctx: Context) -> AllowedTagsOut:
    return AllowedTagsOut(tags=rules.allowed_tags(ctx))


def append_tags(ctx: Context, body: AllowedTagsIn) -> AllowedTagsOut:
    return AllowedTagsOut(tags=tags.append(ctx, body.tags))


def replace_tags(ctx: Context, body: AllowedTagsIn) -> AllowedTagsOut:
    return AllowedTagsOut(tags=tags.replace(ctx, body.tags))


def clear_tags(ctx: Context) -> AllowedTagsOut:
    """Sessions may carry any tag again; the default tag is cleared, too."""
    return AllowedTagsOut(tags=tags.replace(ctx, ()))


def remove_tag(ctx: Context, tag: str) -> AllowedTagsOut:
    return AllowedTagsOut(tags=tags.remove(ctx, tag))


def get_default_tag(ctx: Context) -> DefaultTagOut:
    return DefaultTagOut(default_tag=tags.default_tag(ctx))


def set_default_tag(ctx: Context, body: DefaultTagIn) -> DefaultTagOut:
    return DefaultTagOut(default_tag=tags.set_default(ctx, body.tag))


def clear_default_tag(ctx: Context) -> DefaultTagOut:
    return DefaultTagOut(default_tag=tags.set_default(ctx, None))


def get_group_limits(ctx: Context) -> OrgGroupsOut:
    return groups.read(ctx)


def replace_group_limits(ctx: Context, body: OrgGroupsIn) -> OrgGroupsOut:
    return groups.replace(ctx, body)
