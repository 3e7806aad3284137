"""Roles for many users and groups at once: all of them, or none."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.rights import change_identities
from cogmill.access.scope import Scope, of_enterprise, owned
from cogmill.domain.members import assignments, idp_groups, roles, users
from cogmill.domain.members.schemas import RoleOut
from cogmill.kit.errors import BadRequest, NotFound
from cogmill.models.access import organization, role, role_assignment, user
from cogmill.web.params import PageQuery

ADMIN, MEMBER = "Admin", "Member"
"""Names of the default roles of either tier."""


def role_called(ctx: Context, name: str, role_type: str) -> RoleOut:
    """A role by its name or id."""
    after = None
    while True:
        part = roles.list_page(ctx, PageQuery(after=after, first=200)).map(roles.present)
        for one in part.items:
            if one.role_type == role_type and name in {one.role_name, one.role_id}:
                return one
        after = part.end_cursor
        if after is None:
            raise BadRequest(
                f"There is no role {name[:64]!r} of type {role_type}. GET /v3/enterprise/roles lists them."
            )


def set_roles(ctx: Context, user_ids: Iterable[str], role_id: str) -> None:
    """Another role at the scope's tier for each of these users, who must have one there."""
    given = list(dict.fromkeys(user_ids))
    assignments.find_role(ctx, role_id)
    for user_id in given:
        users.change_role(ctx, user_id, role_id)
    ctx.audited |= {"user_ids": given}


def join(ctx: Context, org_ids: list[str], user_ids: list[str], group_names: list[str], role_id: str) -> None:
    """These users and groups have the role in these organizations; who has another one there gets it instead."""
    change_identities(ctx)
    before = ctx.scope
    people = [users.find(ctx, one).user_id for one in dict.fromkeys(user_ids)]
    groups = {one: idp_groups.find(ctx, one).idp_group_id for one in group_names}
    _check_organizations(ctx, org_ids)
    for org_id in dict.fromkeys(org_ids):
        ctx.narrow(org_id)
        for user_id in people:
            is_member = assignments.held_role(ctx, user_id) is not None
            (users.change_role if is_member else users.assign)(ctx, user_id, role_id)
        for name, group_id in groups.items():
            is_member = assignments.held_role(ctx, group_id) is not None
            (idp_groups.change_role if is_member else join_group)(ctx, name, role_id)
    ctx.scope = before
    ctx.audited |= {"org_ids": org_ids, "user_ids": user_ids, "idp_group_names": group_names}


def join_group(ctx: Context, name: str, role_id: str) -> Row[Any]:
    """A group's first role in the scope's organization. Older clients give it none at the enterprise: it is Member."""
    here, group = ctx.scope, idp_groups.find(ctx, name)
    ctx.scope = Scope(here.enterprise_id, None)
    if assignments.held_role(ctx, group.idp_group_id) is None:
        idp_groups.assign(ctx, name, role_called(ctx, MEMBER, "enterprise").role_id)
    ctx.scope = here
    return idp_groups.assign(ctx, name, role_id)


def _check_organizations(ctx: Context, org_ids: list[str]) -> None:
    query = owned(organization, Scope(ctx.scope.enterprise_id, None), organization.c.org_id)
    known = set(ctx.db.execute(query.where(organization.c.org_id.in_(org_ids))).scalars())
    if unknown := [one for one in org_ids if one not in known]:
        raise NotFound(f"org_ids: there is no organization {unknown[0][:64]!r}.")


def join_as_admin(ctx: Context) -> None:
    """The calling person becomes an Admin of the scope's organization."""
    if ctx.principal.user_id is not None:
        change_identities(ctx)
        users.assign(ctx, ctx.principal.user_id, role_called(ctx, ADMIN, "org").role_id)


def counts(ctx: Context, org_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """How many people hold each role directly in these organizations of the enterprise, by its internal name or id."""
    held = role_assignment.join(role, role.c.role_id == role_assignment.c.role_id)
    held = held.join(user, user.c.user_id == role_assignment.c.principal_id)
    which, where = func.coalesce(role.c.internal_name, role.c.role_id), role_assignment.c.org_id
    query = of_enterprise(user, ctx.scope, where, which.label("role"), func.count().label("people")).select_from(held)
    found: dict[str, dict[str, int]] = {one: {} for one in org_ids}
    for row in ctx.db.execute(query.where(where.in_(list(found))).group_by(where, which)):
        found[row.org_id][row.role] = row.people
    return found
