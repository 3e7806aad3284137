"""Whose keys an operation works on, and whether the caller may come by such a key."""

from sqlalchemy import select

from cogmill.access.context import Context
from cogmill.access.keys import Owner
from cogmill.access.permissions import DEFAULT_ROLES, LEGACY_ORG_ROLE, Permission, in_one_organization
from cogmill.access.rights import Rights, refuse_lacking, require_cover, rights_of, rights_of_caller
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.api_keys.schemas import ApiKeyIn
from cogmill.domain.api_keys.service import Keys, NotActive
from cogmill.kit.errors import BadRequest, Forbidden, Invalid, NotFound
from cogmill.models.access import api_key, organization, service_user, user


def of_service_user(ctx: Context, service_user_id: str) -> Keys:
    """Keys of a service user of the enterprise, whichever organization it belongs to."""
    columns = service_user.c
    query = of_enterprise(service_user, ctx.scope, columns.expires_at).where(
        columns.service_user_id == service_user_id, columns.deleted_at.is_(None)
    )
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no service user {service_user_id[:64]!r}.")
    return Keys(Owner(service_user_id=service_user_id), row.expires_at)


def may_hold_service_user(ctx: Context, keys: Keys) -> None:
    """The caller will see the token: it must not stand for somebody who may do more (permissions.md, section 4.5)."""
    owner = keys.owner.service_user_id or ""
    row = ctx.db.execute(of_enterprise(service_user, ctx.scope).where(service_user.c.service_user_id == owner)).one()
    if row.expires_at is not None and row.expires_at <= ctx.now:
        raise NotActive("The service user has expired; its keys work no more. Make a new one.")
    require_cover(ctx, rights_of(ctx.db, owner, row.org_id), "The key")


def of_user(ctx: Context, user_id: str, *, legacy: bool = False) -> Keys:
    """Personal tokens of a user of the enterprise."""
    columns = user.c
    query = of_enterprise(user, ctx.scope, columns.user_id).where(
        columns.user_id == user_id, columns.deleted_at.is_(None)
    )
    if ctx.db.execute(query).one_or_none() is None:
        raise NotFound(f"There is no user {user_id[:64]!r}.")
    return Keys(Owner(user_id=user_id, legacy=legacy))


def may_hold_user(ctx: Context, keys: Keys) -> None:
    """As for service users: an administrator cannot come by a token of somebody who may do more."""
    require_cover(ctx, rights_of(ctx.db, keys.owner.user_id or ""), "The token")


def of_caller(ctx: Context) -> Keys:
    """The caller's own personal tokens."""
    if ctx.principal.user_id is None:
        raise Forbidden("Personal access tokens belong to people. A service user has API keys, made by administrators.")
    return of_user(ctx, ctx.principal.user_id)


def bounded_by_caller(ctx: Context, data: ApiKeyIn) -> ApiKeyIn:
    """A token made with a token ends with it at the latest: who finds one cannot make it last."""
    mine = api_key.c.api_key_id == ctx.principal.api_key_id
    made_with = ctx.db.execute(select(api_key.c.expires_at).where(mine)).one_or_none()
    if made_with is None or made_with.expires_at is None:
        return data
    if data.expires_at is not None and data.expires_at > made_with.expires_at:
        raise Invalid.at("body", "expires_at", msg="must not be later than the end of the token that asks for it")
    return data.model_copy(update={"expires_at": data.expires_at or int(made_with.expires_at)})


def of_user_in(ctx: Context, user_id: str, org_id: str | None) -> Keys:
    """Legacy keys of a user; a new one works in this organization."""
    keys = of_user(ctx, user_id, legacy=True)
    if org_id is not None and not _is_member(ctx, user_id, org_id):
        raise BadRequest(f"org_id: the user is no member of organization {org_id[:64]!r}.")
    return Keys(Owner(user_id=user_id, org_id=org_id, legacy=True), keys.ends_at)


def _is_member(ctx: Context, user_id: str, org_id: str) -> bool:
    ours = owned(organization, Scope(ctx.scope.enterprise_id, None), organization.c.org_id)
    is_ours = ctx.db.execute(ours.where(organization.c.org_id == org_id)).first() is not None
    return is_ours and bool(rights_of(ctx.db, user_id).in_org(org_id))


def of_organization(ctx: Context) -> Keys:
    """Legacy keys of the scope's organization."""
    return Keys(Owner(org_id=ctx.scope.one_org, legacy=True))


def may_hold_organization(ctx: Context) -> None:
    """Such a key will act with the rights of an organization member."""
    org_id = ctx.scope.one_org
    held: frozenset[Permission] = in_one_organization(DEFAULT_ROLES[LEGACY_ORG_ROLE][2])
    wanted = Rights(frozenset(), frozenset(), {org_id: held}, org_id)
    refuse_lacking(rights_of_caller(ctx).lacking(wanted), "The key")
