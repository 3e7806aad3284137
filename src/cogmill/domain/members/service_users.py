"""Service users as members: listing them, their roles at both tiers, removing them with their keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.keys import revoke
from cogmill.access.rights import change_identities
from cogmill.access.scope import of_enterprise
from cogmill.domain.members import assignments
from cogmill.domain.members.guards import check_somebody_manages_members, refuse_management_between_service_users
from cogmill.domain.members.schemas import ServiceUserListQuery, ServiceUserOut
from cogmill.kit.errors import BadRequest, NotFound
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import api_key, service_user

ServiceUserRow = Row[Any]


def _all(ctx: Context) -> Select[Any]:
    return of_enterprise(service_user, ctx.scope)


def find(ctx: Context, service_user_id: str) -> ServiceUserRow:
    """A service user that was not removed."""
    query = _all(ctx).where(service_user.c.service_user_id == service_user_id, service_user.c.deleted_at.is_(None))
    row = ctx.db.execute(query).one_or_none()
    if row is None:
        shown = service_user_id[:64]
        raise NotFound(f"There is no service user {shown!r}. GET /v3/enterprise/members/service-users lists them.")
    return row


def list_page(ctx: Context, query: ServiceUserListQuery) -> Slice[ServiceUserRow]:
    """All service users of the enterprise; of an organization those with a role there."""
    found, columns = _all(ctx), service_user.c
    active = columns.deleted_at.is_(None) & (columns.expires_at.is_(None) | (columns.expires_at > ctx.now))
    if ctx.scope.org_id is not None:
        member = assignments.holds(ctx, service_user.c.service_user_id)
        # A removed one has no roles any more; its organization still knows it.
        removed = (columns.org_id == ctx.scope.org_id) & columns.deleted_at.is_not(None)
        found = found.where(member | removed if query.include_inactive else member)
    if not query.include_inactive:
        found = found.where(active)
    return fetch_page(ctx.db, found, service_user.c.service_user_id, query.first, query.after)


def assign(ctx: Context, service_user_id: str, role_id: str) -> ServiceUserRow:
    """A first role at the scope's tier. With one at the enterprise it is no organization's own any longer."""
    change_identities(ctx)
    row, given = _assignable(ctx, service_user_id, role_id)
    assignments.give(ctx, service_user_id, given, f"Service user {service_user_id}")
    if ctx.scope.org_id is None and row.org_id is not None:
        ctx.db.execute(
            update(service_user).where(service_user.c.service_user_id == service_user_id).values(org_id=None)
        )
        ctx.audited["former_org_id"] = row.org_id
    return row


def change_role(ctx: Context, service_user_id: str, role_id: str) -> ServiceUserRow:
    """Another role at the scope's tier."""
    change_identities(ctx)
    row, given = _assignable(ctx, service_user_id, role_id)
    assignments.switch(ctx, service_user_id, given, f"Service user {service_user_id}")
    check_somebody_manages_members(ctx)
    return row


def _assignable(ctx: Context, service_user_id: str, role_id: str) -> tuple[ServiceUserRow, Row[Any]]:
    row = find(ctx, service_user_id)
    if ctx.scope.org_id is not None and row.org_id not in {None, ctx.scope.org_id}:
        raise BadRequest(
            f"Service user {service_user_id} belongs to one organization and gets roles there only, until it is "
            "given a role at the enterprise."
        )
    given = assignments.find_role(ctx, role_id)
    refuse_management_between_service_users(ctx, given)
    return row, given


def leave(ctx: Context, service_user_id: str) -> ServiceUserRow:
    """Take the role in the scope's organization away; the service user and its keys stay."""
    change_identities(ctx)
    row = find(ctx, service_user_id)
    assignments.take(ctx, service_user_id, f"Service user {service_user_id}")
    return row


def remove(ctx: Context, service_user_id: str) -> ServiceUserOut:
    """Remove a service user: its roles and keys end at once. Answers it as it was, with the time of its end."""
    change_identities(ctx)
    row = find(ctx, service_user_id)
    (before,) = present(ctx, [row])
    assignments.take_all(ctx, service_user_id)
    keys = revoke(ctx.db, ctx.now, api_key.c.service_user_id == service_user_id)
    ctx.db.execute(
        update(service_user).where(service_user.c.service_user_id == service_user_id).values(deleted_at=ctx.now)
    )
    check_somebody_manages_members(ctx)
    ctx.audited |= {"name": row.name, "revoked_keys": keys}
    return before.model_copy(update={"deleted_at": int(ctx.now)})


def present(ctx: Context, rows: Sequence[ServiceUserRow]) -> list[ServiceUserOut]:
    """Service users with their roles within the scope."""
    held = assignments.direct(ctx, assignments.ids_of(rows, "service_user_id"))
    return [
        ServiceUserOut.model_construct(
            service_user_id=row.service_user_id,
            name=row.name,
            expires_at=_seconds(row.expires_at),
            deleted_at=_seconds(row.deleted_at),
            role_assignments=held.get(row.service_user_id, []),
        )
        for row in rows
    ]


def _seconds(at: float | None) -> int | None:
    return None if at is None else int(at)
