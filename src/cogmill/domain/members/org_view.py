"""Members as the organization's own operations (v3beta1) show them: roles without their type."""

from collections.abc import Sequence

from cogmill.access.context import Context
from cogmill.domain.members import users
from cogmill.domain.members.schemas import (
    IdpRoleAssignmentOut,
    OrgIdpGroupUserOut,
    OrgIdpRoleAssignmentOut,
    OrgMemberUserOut,
    OrgMemberUserWithIdpRolesOut,
    OrgRoleAssignmentOut,
    OrgRoleRefOut,
    RoleAssignmentOut,
)
from cogmill.domain.members.users import UserRow


def _direct(held: list[RoleAssignmentOut]) -> list[OrgRoleAssignmentOut]:
    return [OrgRoleAssignmentOut.model_construct(role=_role(one), org_id=one.org_id) for one in held]


def _derived(held: list[IdpRoleAssignmentOut]) -> list[OrgIdpRoleAssignmentOut]:
    return [
        OrgIdpRoleAssignmentOut.model_construct(role=_role(one), org_id=one.org_id, idp_group_name=one.idp_group_name)
        for one in held
    ]


def _role(one: RoleAssignmentOut) -> OrgRoleRefOut:
    return OrgRoleRefOut.model_construct(role_id=one.role.role_id, role_name=one.role.role_name)


def present(ctx: Context, rows: Sequence[UserRow]) -> list[OrgMemberUserOut]:
    """Users with their direct role in the organization."""
    return [
        OrgMemberUserOut.model_construct(**dict(one) | {"role_assignments": _direct(one.role_assignments)})
        for one in users.present(ctx, rows)
    ]


def present_with_groups(ctx: Context, row: UserRow) -> OrgMemberUserWithIdpRolesOut:
    """One user with direct role and, apart, those through groups."""
    one = users.present_with_groups(ctx, row)
    held = {"role_assignments": _direct(one.role_assignments)}
    return OrgMemberUserWithIdpRolesOut.model_construct(
        **dict(one) | held | {"idp_role_assignments": _derived(one.idp_role_assignments)}
    )


def present_derived(ctx: Context, rows: Sequence[UserRow]) -> list[OrgIdpGroupUserOut]:
    """Users with their roles through groups in the organization."""
    return [
        OrgIdpGroupUserOut.model_construct(**dict(one) | {"idp_role_assignments": _derived(one.idp_role_assignments)})
        for one in users.present_derived(ctx, rows)
    ]
