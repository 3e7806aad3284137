"""What no change of roles may lead to: nobody left who manages members, service users that manage service users."""

from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.engine import Row

from cogmill.access.context import Context
from cogmill.access.permissions import Permission, in_organizations, within_tier
from cogmill.access.principals import permissions_of
from cogmill.access.rights import SERVICE_USER_MANAGEMENT
from cogmill.access.scope import of_enterprise
from cogmill.kit.errors import Conflict, Forbidden
from cogmill.models.access import idp_group_member, role, role_assignment, service_user, user


class LastHolder(Conflict):
    """Clients are told not to try again: somebody else has to get the permission first."""

    def __init__(self) -> None:
        super().__init__(
            f"Nobody would be left who holds {Permission.MANAGE_ACCOUNT_MEMBERSHIP}. Give it to somebody else first.",
            headers={"x-should-retry": "false"},
        )


def check_somebody_manages_members(ctx: Context) -> None:
    """Refuse the change made so far if it leaves no live user or service user, directly or by a group, to undo it."""
    roles = ctx.db.execute(of_enterprise(role, ctx.scope).where(role.c.role_type == "enterprise"))
    managing = [
        one.role_id
        for one in roles
        if Permission.MANAGE_ACCOUNT_MEMBERSHIP in permissions_of(one.internal_name, one.permissions)
    ]
    held = select(role_assignment.c.principal_id).where(
        role_assignment.c.org_id.is_(None), role_assignment.c.role_id.in_(managing)
    )
    by_group = select(idp_group_member.c.user_id).where(idp_group_member.c.idp_group_id.in_(held))
    columns = user.c
    people = of_enterprise(user, ctx.scope, columns.user_id).where(
        columns.deleted_at.is_(None), columns.user_id.in_(held) | columns.user_id.in_(by_group)
    )
    expires = service_user.c.expires_at
    machines = of_enterprise(service_user, ctx.scope, service_user.c.service_user_id).where(
        service_user.c.deleted_at.is_(None),
        expires.is_(None) | (expires > ctx.now),
        service_user.c.service_user_id.in_(held),
    )
    if not ctx.db.execute(select(exists(people) | exists(machines))).scalar():
        raise LastHolder


def manages_service_users(internal_name: str | None, permissions: list[str]) -> bool:
    """Whether a role lets its holder make service users, or keys of them."""
    held = permissions_of(internal_name, permissions)
    return not SERVICE_USER_MANAGEMENT.isdisjoint(within_tier(held) | in_organizations(held))


def refuse_management_between_service_users(ctx: Context, given: Row[Any]) -> None:
    """No service user gives another one (or itself) the management of service users."""
    if ctx.principal.service_user_id is None:
        return
    if manages_service_users(given.internal_name, given.permissions):
        raise Forbidden(
            f"Role {given.name!r} manages service users. Only a person can give it to a service user, not your key."
        )
