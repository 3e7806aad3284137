"""Which role a principal holds at which tier. The scope says the tier: an organization's, or the enterprise's."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.scope import of_enterprise
from cogmill.domain.members.schemas import IdpRoleAssignmentOut, RoleAssignmentOut, RoleOut
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.models.access import idp_group, idp_group_member, organization, role, role_assignment

_HELD = role_assignment.join(role, role.c.role_id == role_assignment.c.role_id).outerjoin(
    organization, organization.c.org_id == role_assignment.c.org_id
)
_ROLE = (role_assignment.c.org_id, role.c.role_id, role.c.name.label("role_name"), role.c.role_type)


class HasRole(Conflict):
    """Clients are told not to try again: somebody has to take the role away, or switch it."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} has a role {where} already. PATCH switches it.", headers={"x-should-retry": "false"})


def where(ctx: Context) -> str:
    """The scope's tier in words."""
    return "at the enterprise" if ctx.scope.org_id is None else f"in organization {ctx.scope.org_id}"


def find_role(ctx: Context, role_id: str) -> Row[Any]:
    """The role, if it fits the scope's tier."""
    row = ctx.db.execute(of_enterprise(role, ctx.scope).where(role.c.role_id == role_id)).one_or_none()
    tier = "enterprise" if ctx.scope.org_id is None else "org"
    if row is None:
        raise BadRequest(f"There is no role {role_id[:64]!r}. GET /v3/enterprise/roles lists them.")
    if row.role_type != tier:
        raise BadRequest(f"Role {row.name!r} is of type {row.role_type!r}; an assignment {where(ctx)} takes {tier!r}.")
    return row


def _at_tier(ctx: Context) -> ColumnElement[bool]:
    column = role_assignment.c.org_id
    return column.is_(None) if ctx.scope.org_id is None else column == ctx.scope.org_id


def _mine(ctx: Context, principal_id: str) -> ColumnElement[bool]:
    return (role_assignment.c.principal_id == principal_id) & _at_tier(ctx)


def held_role(ctx: Context, principal_id: str) -> str | None:
    """Id of the direct role at the scope's tier."""
    return ctx.db.execute(select(role_assignment.c.role_id).where(_mine(ctx, principal_id))).scalar()


def give(ctx: Context, principal_id: str, given: Row[Any], what: str) -> None:
    """A first role at this tier."""
    if held_role(ctx, principal_id) is not None:
        raise HasRole(what, where(ctx))
    values = {"principal_id": principal_id, "org_id": ctx.scope.org_id, "role_id": given.role_id}
    ctx.db.execute(insert(role_assignment).values(**values, created_at=ctx.now))
    ctx.audited |= {"role_id": given.role_id, "role_name": given.name}


def switch(ctx: Context, principal_id: str, given: Row[Any], what: str) -> None:
    """Another role instead of the one at this tier."""
    before = held_role(ctx, principal_id)
    if before is None:
        raise NotFound(f"{what} has no role {where(ctx)} that could be changed.")
    ctx.db.execute(update(role_assignment).where(_mine(ctx, principal_id)).values(role_id=given.role_id))
    ctx.audited |= {"role_id": given.role_id, "role_name": given.name, "former_role_id": before}


def take(ctx: Context, principal_id: str, what: str) -> None:
    """No direct role at this tier any more."""
    before = held_role(ctx, principal_id)
    if before is None:
        raise NotFound(f"{what} has no role {where(ctx)}.")
    ctx.db.execute(delete(role_assignment).where(_mine(ctx, principal_id)))
    ctx.audited["former_role_id"] = before


def take_all(ctx: Context, principal_id: str) -> None:
    """No direct role anywhere: the principal is being removed."""
    ctx.db.execute(delete(role_assignment).where(role_assignment.c.principal_id == principal_id))


def _shown(ctx: Context, query: Select[Any]) -> Select[Any]:
    """Assignments within the scope; those in deleted organizations count nowhere."""
    if ctx.scope.org_id is not None:
        query = query.where(role_assignment.c.org_id == ctx.scope.org_id)
    return query.where(organization.c.deleted_at.is_(None))


def holds(ctx: Context, principal_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the principal of a query has a direct role within the scope."""
    found = _shown(ctx, select(role_assignment.c.principal_id).select_from(_HELD))
    return _is_among(ctx, principal_id, found, role_assignment.c.principal_id)


def derives(ctx: Context, user_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the user of a query has a role through a group within the scope."""
    groups = _HELD.join(idp_group_member, idp_group_member.c.idp_group_id == role_assignment.c.principal_id)
    found = _shown(ctx, select(idp_group_member.c.user_id).select_from(groups))
    return _is_among(ctx, user_id, found, idp_group_member.c.user_id)


def _is_among(
    ctx: Context, column: ColumnElement[str], found: Select[Any], theirs: ColumnElement[str]
) -> ColumnElement[bool]:
    """An organization has few members, which are looked up; the enterprise's are probed page by page."""
    return column.in_(found) if ctx.scope.org_id is not None else found.where(theirs == column).exists()


def direct(ctx: Context, principal_ids: Sequence[str]) -> dict[str, list[RoleAssignmentOut]]:
    """The direct assignments of several principals, in one query."""
    query = select(role_assignment.c.principal_id, *_ROLE).select_from(_HELD)
    query = query.where(role_assignment.c.principal_id.in_(principal_ids)).order_by(role_assignment.c.id)
    found: dict[str, list[RoleAssignmentOut]] = defaultdict(list)
    for row in ctx.db.execute(_shown(ctx, query)):
        one = RoleAssignmentOut.model_construct(role=role_out(row), org_id=row.org_id)
        found[row.principal_id].append(one)
    return found


def derived(ctx: Context, user_ids: Sequence[str]) -> dict[str, list[IdpRoleAssignmentOut]]:
    """The assignments that several users have through their groups, in one query."""
    groups = _HELD.join(idp_group, idp_group.c.idp_group_id == role_assignment.c.principal_id).join(
        idp_group_member, idp_group_member.c.idp_group_id == idp_group.c.idp_group_id
    )
    columns = (idp_group_member.c.user_id, idp_group.c.name.label("idp_group_name"), *_ROLE)
    query = select(*columns).select_from(groups).where(idp_group_member.c.user_id.in_(user_ids))
    found: dict[str, list[IdpRoleAssignmentOut]] = defaultdict(list)
    for row in ctx.db.execute(_shown(ctx, query.order_by(idp_group.c.name, role_assignment.c.id))):
        one = IdpRoleAssignmentOut.model_construct(
            role=role_out(row), org_id=row.org_id, idp_group_name=row.idp_group_name
        )
        found[row.user_id].append(one)
    return found


def role_out(row: Any) -> RoleOut:
    return RoleOut.model_construct(role_id=row.role_id, role_name=row.role_name, role_type=row.role_type)


def ids_of(rows: Iterable[Any], name: str) -> list[str]:
    return [getattr(row, name) for row in rows]
