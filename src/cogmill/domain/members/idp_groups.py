"""Groups of the identity provider: registering their names, and the roles that their users get through them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.rights import change_identities
from cogmill.access.scope import of_enterprise
from cogmill.domain.members import assignments
from cogmill.domain.members.guards import check_somebody_manages_members
from cogmill.domain.members.schemas import IdpGroupOut
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import idp_group, idp_group_member, role_assignment
from cogmill.web.params import PageQuery

GroupRow = Row[Any]


class GroupInUse(Conflict):
    """Clients are told not to try again: roles and members have to go first."""


def registered(ctx: Context, page: PageQuery) -> Slice[GroupRow]:
    """All groups of the enterprise, by name."""
    return fetch_page(ctx.db, of_enterprise(idp_group, ctx.scope), idp_group.c.name, page.first, page.after)


def register(ctx: Context, names: list[str]) -> list[str]:
    """Make groups known; those that are known already stay as they are."""
    change_identities(ctx)
    wanted = list(dict.fromkeys(names))
    query = of_enterprise(idp_group, ctx.scope, idp_group.c.name).where(idp_group.c.name.in_(wanted))
    known = set(ctx.db.execute(query).scalars())
    new = [name for name in wanted if name not in known]
    common = {"enterprise_id": ctx.scope.enterprise_id, "created_at": ctx.now}
    if new:
        rows = [{"idp_group_id": ordered_id("idp-group"), "name": name, **common} for name in new]
        ctx.db.execute(insert(idp_group), rows)
    ctx.audited["registered"] = new
    return wanted


def delete_registered(ctx: Context, name: str) -> str:
    """Forget a group that gives nobody anything."""
    change_identities(ctx)
    row = find(ctx, name)
    held = select(role_assignment.c.id).where(role_assignment.c.principal_id == row.idp_group_id).limit(1)
    members = select(idp_group_member.c.user_id).where(idp_group_member.c.idp_group_id == row.idp_group_id).limit(1)
    for what, query in (("role assignments", held), ("members", members)):
        if ctx.db.execute(query).first() is not None:
            raise GroupInUse(f"Group {name!r} has {what}. Remove them first.", headers={"x-should-retry": "false"})
    ctx.db.execute(delete(idp_group).where(idp_group.c.idp_group_id == row.idp_group_id))
    return str(row.name)


def find(ctx: Context, name: str) -> GroupRow:
    """A registered group."""
    row = ctx.db.execute(of_enterprise(idp_group, ctx.scope).where(idp_group.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"There is no group {name[:64]!r}. POST /v3/enterprise/idp-groups registers it.")
    return row


def _members(ctx: Context) -> Select[Any]:
    """Groups that have a role within the scope."""
    return of_enterprise(idp_group, ctx.scope).where(assignments.holds(ctx, idp_group.c.idp_group_id))


def list_page(ctx: Context, page: PageQuery) -> Slice[GroupRow]:
    """Groups that have a role, in the enterprise or in the scope's organization, by name."""
    return fetch_page(ctx.db, _members(ctx), idp_group.c.name, page.first, page.after)


def find_member(ctx: Context, name: str) -> GroupRow:
    """A group that has a role within the scope."""
    row = ctx.db.execute(_members(ctx).where(idp_group.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"There is no group {name[:64]!r} with a role {assignments.where(ctx)}.")
    return row


def assign(ctx: Context, name: str, role_id: str) -> GroupRow:
    """A first role at the scope's tier; in an organization only for groups that have one somewhere already."""
    change_identities(ctx)
    row, given = find(ctx, name), assignments.find_role(ctx, role_id)
    earlier = select(role_assignment.c.id).where(role_assignment.c.principal_id == row.idp_group_id).limit(1)
    if ctx.scope.org_id is not None and ctx.db.execute(earlier).first() is None:
        raise BadRequest(f"Group {name!r} has no role yet. Assign it one at the enterprise first.")
    assignments.give(ctx, row.idp_group_id, given, f"Group {name!r}")
    return row


def change_role(ctx: Context, name: str, role_id: str) -> GroupRow:
    """Another role at the scope's tier."""
    change_identities(ctx)
    row = find(ctx, name)
    assignments.switch(ctx, row.idp_group_id, assignments.find_role(ctx, role_id), f"Group {name!r}")
    check_somebody_manages_members(ctx)
    return row


def remove(ctx: Context, name: str) -> GroupRow:
    """Take the role at the scope's tier away; roles elsewhere, the group and its users stay."""
    change_identities(ctx)
    row = find(ctx, name)
    assignments.take(ctx, row.idp_group_id, f"Group {name!r}")
    check_somebody_manages_members(ctx)
    return row


def present(ctx: Context, rows: Sequence[GroupRow]) -> list[IdpGroupOut]:
    """Groups with their roles within the scope."""
    held = assignments.direct(ctx, assignments.ids_of(rows, "idp_group_id"))
    return [
        IdpGroupOut.model_construct(idp_group_name=row.name, role_assignments=held.get(row.idp_group_id, []))
        for row in rows
    ]
