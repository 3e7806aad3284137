"""Handlers of the member operations. Most serve both tiers: the scope says which."""

from collections.abc import Sequence
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.members import idp_groups, org_view, roles, service_users, users
from cogmill.domain.members.schemas import (
    CustomRoleIn,
    CustomRoleOut,
    CustomRolePatch,
    IdpGroupNameOut,
    IdpGroupOut,
    IdpGroupsIn,
    IdpGroupUserOut,
    InviteIn,
    OrgIdpGroupUserOut,
    OrgMemberUserOut,
    OrgMemberUserWithIdpRolesOut,
    RoleIn,
    RoleOut,
    ServiceUserListQuery,
    ServiceUserOut,
    UserListQuery,
    UserOut,
    UserWithIdpRolesOut,
)
from cogmill.kit.paging import Slice
from cogmill.web.params import Page, PageQuery, page_of


def _page(part: Slice[Any], shown: Sequence[Any]) -> Page[Any]:
    return page_of(Slice(shown, part.end_cursor))


def list_users(ctx: Context, query: UserListQuery) -> Page[UserOut]:
    """All users of the enterprise; of an organization those with a direct role there."""
    part = users.list_page(ctx, query)
    return _page(part, users.present(ctx, part.items))


def invite_users(ctx: Context, body: InviteIn) -> list[UserOut]:
    """Users for up to 100 addresses, in their order. Who is there already keeps the role."""
    return users.present(ctx, users.invite(ctx, body))


def get_user(ctx: Context, user_id: str) -> UserWithIdpRolesOut:
    return users.present_with_groups(ctx, users.find(ctx, user_id))


def assign_user_role(ctx: Context, user_id: str, body: RoleIn) -> UserOut:
    """A first role; PATCH switches it."""
    return users.present(ctx, [users.assign(ctx, user_id, body.role_id)])[0]


def update_user_role(ctx: Context, user_id: str, body: RoleIn) -> UserOut:
    """Another role instead of the present one."""
    return users.present(ctx, [users.change_role(ctx, user_id, body.role_id)])[0]


def leave_user(ctx: Context, user_id: str) -> UserOut:
    """Takes the role in the organization away; the user stays in the enterprise."""
    return users.present(ctx, [users.leave(ctx, user_id)])[0]


def remove_user(ctx: Context, user_id: str) -> UserOut:
    """Removes the user from the enterprise: roles, groups, tokens and sign-ins end at once."""
    return users.remove(ctx, user_id)


def list_idp_users(ctx: Context, query: UserListQuery) -> Page[IdpGroupUserOut]:
    """Users who have a role through a group."""
    part = users.list_derived(ctx, query)
    return _page(part, users.present_derived(ctx, part.items))


def list_service_users(ctx: Context, query: ServiceUserListQuery) -> Page[ServiceUserOut]:
    part = service_users.list_page(ctx, query)
    return _page(part, service_users.present(ctx, part.items))


def get_service_user(ctx: Context, service_user_id: str) -> ServiceUserOut:
    return service_users.present(ctx, [service_users.find(ctx, service_user_id)])[0]


def assign_service_user_role(ctx: Context, service_user_id: str, body: RoleIn) -> ServiceUserOut:
    """A first role; PATCH switches it."""
    return service_users.present(ctx, [service_users.assign(ctx, service_user_id, body.role_id)])[0]


def update_service_user_role(ctx: Context, service_user_id: str, body: RoleIn) -> ServiceUserOut:
    """Another role instead of the present one."""
    return service_users.present(ctx, [service_users.change_role(ctx, service_user_id, body.role_id)])[0]


def leave_service_user(ctx: Context, service_user_id: str) -> ServiceUserOut:
    """Takes the role in the organization away; the service user and its keys stay."""
    return service_users.present(ctx, [service_users.leave(ctx, service_user_id)])[0]


def remove_service_user(ctx: Context, service_user_id: str) -> ServiceUserOut:
    """Removes the service user itself: its roles and keys end at once."""
    return service_users.remove(ctx, service_user_id)


def list_registered_idp_groups(ctx: Context, query: PageQuery) -> Page[IdpGroupNameOut]:
    return page_of(idp_groups.registered(ctx, query).map(lambda row: IdpGroupNameOut(idp_group_name=row.name)))


def register_idp_groups(ctx: Context, body: IdpGroupsIn) -> list[IdpGroupNameOut]:
    """Makes groups of the identity provider known; those that are known already stay as they are."""
    return [IdpGroupNameOut(idp_group_name=name) for name in idp_groups.register(ctx, body.idp_group_names)]


def delete_registered_idp_group(ctx: Context, idp_group_name: str) -> IdpGroupNameOut:
    """Forgets a group that has neither roles nor members."""
    return IdpGroupNameOut(idp_group_name=idp_groups.delete_registered(ctx, idp_group_name))


def list_idp_groups(ctx: Context, query: PageQuery) -> Page[IdpGroupOut]:
    """Groups that have a role."""
    part = idp_groups.list_page(ctx, query)
    return _page(part, idp_groups.present(ctx, part.items))


def get_idp_group(ctx: Context, idp_group_name: str) -> IdpGroupOut:
    return idp_groups.present(ctx, [idp_groups.find_member(ctx, idp_group_name)])[0]


def assign_idp_group_role(ctx: Context, idp_group_name: str, body: RoleIn) -> IdpGroupOut:
    """A first role; in an organization only for groups that have one somewhere already."""
    return idp_groups.present(ctx, [idp_groups.assign(ctx, idp_group_name, body.role_id)])[0]


def update_idp_group_role(ctx: Context, idp_group_name: str, body: RoleIn) -> IdpGroupOut:
    """Another role instead of the present one."""
    return idp_groups.present(ctx, [idp_groups.change_role(ctx, idp_group_name, body.role_id)])[0]


def remove_idp_group(ctx: Context, idp_group_name: str) -> IdpGroupOut:
    """Takes the role away; roles elsewhere, the group and its users stay."""
    return idp_groups.present(ctx, [idp_groups.remove(ctx, idp_group_name)])[0]


def list_org_members(ctx: Context, query: UserListQuery) -> Page[OrgMemberUserOut]:
    """Users with a direct role in the organization."""
    part = users.list_page(ctx, query)
    return _page(part, org_view.present(ctx, part.items))


def get_org_member(ctx: Context, user_id: str) -> OrgMemberUserWithIdpRolesOut:
    """A user who has a role in the organization, directly or through a group."""
    return org_view.present_with_groups(ctx, users.find_member(ctx, user_id))


def list_org_idp_users(ctx: Context, query: UserListQuery) -> Page[OrgIdpGroupUserOut]:
    """Users who have a role in the organization through a group."""
    part = users.list_derived(ctx, query)
    return _page(part, org_view.present_derived(ctx, part.items))


def list_roles(ctx: Context, query: PageQuery) -> Page[RoleOut]:
    return page_of(roles.list_page(ctx, query).map(roles.present))


def list_custom_roles(ctx: Context, query: PageQuery) -> Page[CustomRoleOut]:
    """All roles, default ones too, with their permissions."""
    return page_of(roles.list_page(ctx, query).map(roles.present_custom))


def create_role(ctx: Context, body: CustomRoleIn) -> CustomRoleOut:
    return roles.present_custom(roles.create(ctx, body))


def update_role(ctx: Context, role_id: str, body: CustomRolePatch) -> CustomRoleOut:
    """Changes a custom role for all who hold it, at once."""
    return roles.present_custom(roles.change(ctx, role_id, body))


def delete_role(ctx: Context, role_id: str) -> CustomRoleOut:
    """Deletes a custom role that nobody holds."""
    return roles.present_custom(roles.delete_role(ctx, role_id))
