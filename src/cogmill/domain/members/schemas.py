"""What goes in and out of the member operations; names and meanings are the contract's."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from cogmill.access.permissions import Permission
from cogmill.web.params import Body, Out, PageQuery

RoleType = Literal["enterprise", "org"]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]
Email = Annotated[
    str, StringConstraints(max_length=320, strip_whitespace=True, to_lower=True, pattern=r"^[^@\s]+@[^@\s]+$")
]


class RoleOut(Out):
    role_id: str
    role_name: str
    role_type: RoleType


class RoleAssignmentOut(Out):
    role: RoleOut
    org_id: str | None = Field(description="null: at the enterprise")


class IdpRoleAssignmentOut(RoleAssignmentOut):
    idp_group_name: str


class UserOut(Out):
    user_id: str
    email: str | None
    name: str | None
    role_assignments: list[RoleAssignmentOut] = Field(description="direct ones only")


class UserWithIdpRolesOut(UserOut):
    idp_role_assignments: list[IdpRoleAssignmentOut]


class IdpGroupUserOut(Out):
    user_id: str
    email: str | None
    name: str | None
    idp_role_assignments: list[IdpRoleAssignmentOut]


class ServiceUserOut(Out):
    service_user_id: str
    name: str
    expires_at: int | None
    deleted_at: int | None
    role_assignments: list[RoleAssignmentOut]


class IdpGroupOut(Out):
    idp_group_name: str
    role_assignments: list[RoleAssignmentOut]


class IdpGroupNameOut(Out):
    idp_group_name: str


class OrgRoleRefOut(Out):
    role_id: str
    role_name: str


class OrgRoleAssignmentOut(Out):
    role: OrgRoleRefOut
    org_id: str | None


class OrgIdpRoleAssignmentOut(OrgRoleAssignmentOut):
    idp_group_name: str


class OrgMemberUserOut(Out):
    email: str | None
    name: str | None
    role_assignments: list[OrgRoleAssignmentOut]
    user_id: str


class OrgMemberUserWithIdpRolesOut(OrgMemberUserOut):
    idp_role_assignments: list[OrgIdpRoleAssignmentOut]


class OrgIdpGroupUserOut(Out):
    user_id: str
    email: str | None
    name: str | None
    idp_role_assignments: list[OrgIdpRoleAssignmentOut]


class UserListQuery(PageQuery):
    email: str | None = Field(None, description="only this address; upper and lower case are one")


class ServiceUserListQuery(PageQuery):
    include_inactive: bool = Field(False, description="expired and deleted ones, too")


class RoleIn(Body):
    role_id: Id


class InviteIn(Body):
    emails: Annotated[list[Email], Field(max_length=100)]
    enterprise_role_id: Id


class IdpGroupsIn(Body):
    idp_group_names: Annotated[list[Name], Field(min_length=1, max_length=100)]


class CustomRoleOut(RoleOut):
    permissions: list[str] = Field(description="sorted; what each includes is not repeated")
    is_default: bool = Field(description="comes with the enterprise and cannot be changed")


def _no_public(permissions: list[Permission] | None) -> list[Permission] | None:
    if permissions is not None and Permission.PUBLIC in permissions:
        raise ValueError("PUBLIC is no permission that a role can hold")
    return permissions


Permissions = Annotated[list[Permission], Field(max_length=200)]


class CustomRoleIn(Body):
    name: Name
    role_type: RoleType
    permissions: Permissions

    _checked = field_validator("permissions")(_no_public)


class CustomRolePatch(Body):
    """What is left out, or null, stays as it is."""

    name: Name | None = None
    permissions: Permissions | None = None

    _checked = field_validator("permissions")(_no_public)
