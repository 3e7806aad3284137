"""Roles: the default ones that every enterprise has, and custom ones that its administrators make."""

from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.permissions import ENTERPRISE_PERMISSIONS, ORG_PERMISSIONS, Permission
from cogmill.access.principals import permissions_of
from cogmill.access.rights import change_identities
from cogmill.access.scope import of_enterprise
from cogmill.domain.members.guards import (
    check_somebody_manages_members,
    manages_service_users,
    refuse_management_between_service_users,
)
from cogmill.domain.members.schemas import CustomRoleIn, CustomRoleOut, CustomRolePatch, RoleOut
from cogmill.kit.errors import BadRequest, Conflict, NotFound
from cogmill.kit.ids import ordered_id
from cogmill.kit.paging import Slice, fetch_page
from cogmill.models.access import role, role_assignment, service_user
from cogmill.web.params import PageQuery

RoleRow = Row[Any]
MAY_HOLD = {"enterprise": ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS, "org": ORG_PERMISSIONS}
"""An enterprise role may hold organization permissions, which then apply in every organization; never the reverse."""


class Unchangeable(Conflict):
    """Clients are told not to try again."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"x-should-retry": "false"})


def list_page(ctx: Context, page: PageQuery) -> Slice[RoleRow]:
    """All roles of the enterprise."""
    return fetch_page(ctx.db, of_enterprise(role, ctx.scope), role.c.role_id, page.first, page.after)


def create(ctx: Context, data: CustomRoleIn) -> RoleRow:
    """A custom role; its name is the only one of its type."""
    change_identities(ctx)
    _check_name(ctx, data.name, data.role_type)
    held = _checked(data.role_type, data.permissions)
    values = {
        "role_id": ordered_id("role"), "enterprise_id": ctx.scope.enterprise_id, "name": data.name,
        "role_type": data.role_type, "internal_name": None, "permissions": held,
    }  # fmt: skip
    row = ctx.db.execute(insert(role).values(values).returning(*role.c)).one()
    ctx.audited |= {"role_id": row.role_id, "role_name": row.name, "role_type": row.role_type, "permissions": held}
    return row


def change(ctx: Context, role_id: str, data: CustomRolePatch) -> RoleRow:
    """Rename a custom role, or change what all its holders may do."""
    change_identities(ctx)
    before = _custom(ctx, role_id)
    name = before.name if data.name is None else data.name
    held = before.permissions if data.permissions is None else _checked(before.role_type, data.permissions)
    if name != before.name:
        _check_name(ctx, name, before.role_type)
    changed = update(role).where(role.c.role_id == role_id).values(name=name, permissions=held)
    row = ctx.db.execute(changed.returning(*role.c)).one()
    if manages_service_users(None, held) and not manages_service_users(None, before.permissions):
        _check_service_users(ctx, row)
    check_somebody_manages_members(ctx)
    ctx.audited |= {
        "role_name": name,
        "added": sorted(set(held) - set(before.permissions)),
        "removed": sorted(set(before.permissions) - set(held)),
    }
    return row


def delete_role(ctx: Context, role_id: str) -> RoleRow:
    """Delete a custom role that nobody holds."""
    change_identities(ctx)
    row = _custom(ctx, role_id)
    held = select(role_assignment.c.id).where(role_assignment.c.role_id == role_id).limit(1)
    if ctx.db.execute(held).first() is not None:
        raise Unchangeable(f"Role {row.name!r} is in use. Give its holders another role first.")
    ctx.db.execute(delete(role).where(role.c.role_id == role_id))
    ctx.audited |= {"role_name": row.name, "permissions": row.permissions}
    return row


def _custom(ctx: Context, role_id: str) -> RoleRow:
    row = ctx.db.execute(of_enterprise(role, ctx.scope).where(role.c.role_id == role_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no role {role_id[:64]!r}. GET /v3/enterprise/roles lists them.")
    if row.internal_name is not None:
        raise Unchangeable(f"Role {row.name!r} is a default role, which cannot be changed. Make a custom one.")
    return row


def _check_name(ctx: Context, name: str, role_type: str) -> None:
    same = of_enterprise(role, ctx.scope, role.c.role_id).where(role.c.name == name, role.c.role_type == role_type)
    if ctx.db.execute(same).first() is not None:
        raise Unchangeable(f"There is a role {name!r} of type {role_type!r} already.")


def _checked(role_type: str, permissions: list[Permission]) -> list[str]:
    foreign = sorted(set(permissions) - MAY_HOLD[role_type])
    if foreign:
        raise BadRequest(f"permissions: {foreign[0]} is no permission of a role of type {role_type!r}.")
    return sorted({one.value for one in permissions})


def _check_service_users(ctx: Context, row: RoleRow) -> None:
    """Changing a role that service users hold is giving it to them anew."""
    held = select(role_assignment.c.principal_id).where(role_assignment.c.role_id == row.role_id)
    ids = service_user.c.service_user_id
    if ctx.db.execute(of_enterprise(service_user, ctx.scope, ids).where(ids.in_(held)).limit(1)).first() is not None:
        refuse_management_between_service_users(ctx, row)


def present(row: RoleRow) -> RoleOut:
    """A role as the contract shows it."""
    return RoleOut.model_construct(role_id=row.role_id, role_name=row.name, role_type=row.role_type)


def present_custom(row: RoleRow) -> CustomRoleOut:
    """A role with what it holds."""
    return CustomRoleOut.model_construct(
        role_id=row.role_id,
        role_name=row.name,
        role_type=row.role_type,
        permissions=sorted(permissions_of(row.internal_name, row.permissions)),
        is_default=row.internal_name is not None,
    )
