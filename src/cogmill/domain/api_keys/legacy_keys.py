"""All keys for the old APIs that an enterprise has, of people and of organizations."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.keys import Issued, issue, revoke
from cogmill.access.rights import change_identities
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.api_keys.owners import may_hold_organization, of_organization
from cogmill.kit.errors import NotFound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import api_key, organization, user
from cogmill.web.call import enter
from cogmill.web.params import PageQuery


def list_page(ctx: Context, page: PageQuery, org_id: str | None) -> Slice[Row[Any]]:
    """Keys that work, newest first, with their organization's name and their person's address."""
    query = select(api_key, organization.c.name.label("org_name"), user.c.email)
    query = query.select_from(
        api_key.outerjoin(user, user.c.user_id == api_key.c.user_id)
        .outerjoin(organization, organization.c.org_id == api_key.c.org_id)
    )  # fmt: skip
    query = query.where(_live(ctx), user.c.deleted_at.is_(None), organization.c.deleted_at.is_(None))
    if org_id is not None:
        query = query.where(api_key.c.org_id == org_id)
    return fetch_page(ctx.db, query, api_key.c.api_key_id, page.first, page.after, descending=True)


def create(ctx: Context, org_id: str) -> Issued:
    """A key of an organization of the enterprise."""
    change_identities(ctx)
    enter(ctx, org_id)
    may_hold_organization(ctx)
    return issue(ctx, of_organization(ctx).owner, "v2", None)


def end(ctx: Context, api_key_id: str) -> None:
    """Revoke one: it is refused at the very next request."""
    change_identities(ctx)
    if revoke(ctx.db, ctx.now, _live(ctx) & (api_key.c.api_key_id == api_key_id)) == 0:
        raise NotFound(f"There is no key {api_key_id[:64]!r} that works. GET /v2/enterprise/api-keys lists them.")


def end_all(ctx: Context) -> None:
    """Revoke all of the enterprise, the one that asks for it, too."""
    change_identities(ctx)
    ctx.audited["revoked_keys"] = revoke(ctx.db, ctx.now, _live(ctx))


def _live(ctx: Context) -> ColumnElement[bool]:
    """The enterprise's, neither revoked nor expired."""
    columns, anywhere = api_key.c, Scope(ctx.scope.enterprise_id, None)
    people = of_enterprise(user, anywhere, user.c.user_id)
    places = owned(organization, anywhere, organization.c.org_id, with_deleted=True)
    is_ours = columns.user_id.in_(people) | (columns.user_id.is_(None) & columns.org_id.in_(places))
    has_time = or_(columns.expires_at.is_(None), columns.expires_at > ctx.now)
    return columns.legacy & columns.revoked_at.is_(None) & has_time & is_ours
