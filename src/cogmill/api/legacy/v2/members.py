"""Members, groups and roles of v2."""

from collections.abc import Sequence

from cogmill.access.context import Context
from cogmill.api.legacy.reading import as_input, everything, iso
from cogmill.api.legacy.v2.pages import DONE, page_of
from cogmill.api.legacy.v2.schemas import (
    GroupsV2In,
    GroupV2Out,
    InvitedV2Out,
    InviteV2In,
    MembershipV2Out,
    MembersQuery,
    MemberV2Out,
    OrgGroupV2In,
    OrgGroupV2Out,
    OrgMembersV2In,
    PageV2Out,
    RolesV2In,
    RoleV2Out,
    SkipQuery,
    SuccessOut,
)
from cogmill.domain.members import bulk, idp_groups, roles, users
from cogmill.domain.members.names import creation_times, last_sign_ins, subjects
from cogmill.domain.members.schemas import IdpGroupOut, InviteIn, RoleAssignmentOut, RoleOut, UserListQuery, UserOut
from cogmill.domain.metrics.service import activity_of_people
from cogmill.domain.organizations import service as organizations
from cogmill.kit.errors import NotFound
from cogmill.kit.paging import Slice
from cogmill.web.params import PageQuery

OLD_NAMES = {
    ("enterprise", "Admin"): "account_admin", ("enterprise", "Member"): "account_member",
    ("org", "Admin"): "org_admin", ("org", "Member"): "org_member",
}  # fmt: skip
NEW_NAMES = {"org_admin": "Admin", "org_member": "Member", "admin": "Admin", "member": "Member"}


def _role(one: RoleOut) -> str:
    return OLD_NAMES.get((one.role_type, one.role_name), one.role_name)


def list_(ctx: Context, query: MembersQuery) -> PageV2Out[MemberV2Out]:
    """All users of the enterprise."""
    return page_of(
        lambda after, first: users.list_page(ctx, UserListQuery(email=query.email, after=after, first=first)),
        query,
        lambda rows: _members(ctx, users.present(ctx, rows)),
    )


def get(ctx: Context, user_id: str) -> MemberV2Out:
    return _members(ctx, users.present(ctx, [users.find(ctx, user_id)]))[0]


def _members(ctx: Context, found: Sequence[UserOut]) -> list[MemberV2Out]:
    ids = [one.user_id for one in found]
    made, signed_in, subject = creation_times(ctx, ids), last_sign_ins(ctx, ids), subjects(ctx, ids)
    did = activity_of_people(ctx, ids)
    return [
        MemberV2Out(
            user_id=one.user_id, email=one.email or "", name=one.name or one.email or "",
            enterprise_role=_at_enterprise(one.role_assignments), created_at=iso(made[one.user_id]),
            last_login=iso(signed_in[one.user_id]) if one.user_id in signed_in else None, login_count=None,
            saml_id=subject.get(one.user_id), sessions_created_count=did[one.user_id][0],
            searches_created_count=did[one.user_id][1],
        )
        for one in found
    ]  # fmt: skip


def _at_enterprise(held: Sequence[RoleAssignmentOut]) -> str:
    return next((_role(one.role) for one in held if one.org_id is None), "none")


def invite(ctx: Context, body: InviteV2In) -> InvitedV2Out:
    """Enterprise Members; who is there already keeps the role."""
    role = bulk.role_called(ctx, bulk.MEMBER, "enterprise")
    data = as_input(InviteIn, {"emails": body.emails, "enterprise_role_id": role.role_id})
    found = {row.user_id: row.email for row in users.invite(ctx, data)}
    return InvitedV2Out(status="success", invited_count=len(found), invitee_user_id_to_email=found)


def set_roles(ctx: Context, body: RolesV2In) -> SuccessOut:
    """Another role for users who have one there: of the enterprise, or of the organization in the address."""
    bulk.set_roles(ctx, body.user_ids, body.role_id)
    return DONE


def remove(ctx: Context, user_id: str) -> SuccessOut:
    """Removes the user from the enterprise: roles, groups, tokens and sign-ins end at once."""
    users.remove(ctx, user_id)
    return DONE


def list_organizations(ctx: Context, user_id: str, query: SkipQuery) -> PageV2Out[MembershipV2Out]:
    """Where the user has a role of their own."""
    (one,) = users.present(ctx, [users.find(ctx, user_id)])
    held = sorted((given for given in one.role_assignments if given.org_id), key=lambda given: given.org_id or "")
    return page_of(lambda _after, _first: Slice(held, None), query, lambda part: _memberships(ctx, one, part))


def _memberships(ctx: Context, one: UserOut, held: Sequence[RoleAssignmentOut]) -> list[MembershipV2Out]:
    places = everything(lambda after, first: organizations.list_page(ctx, PageQuery(after=after, first=first)))
    called = {row.org_id: row.name for row in places}
    at_enterprise = _at_enterprise(one.role_assignments) if ctx.scope.org_id is None else None
    return [
        MembershipV2Out(
            user_id=one.user_id, email=one.email or "", name=one.name or one.email or "", org_id=given.org_id or "",
            org_name=called.get(given.org_id, ""), org_role=_role(given.role), org_role_name=given.role.role_name,
            enterprise_role=at_enterprise,
        )
        for given in held
    ]  # fmt: skip


def list_of_organization(ctx: Context, query: SkipQuery) -> PageV2Out[MembershipV2Out]:
    """Users with a role of their own in the organization."""
    return page_of(
        lambda after, first: users.list_page(ctx, UserListQuery(after=after, first=first)),
        query,
        lambda rows: [
            shown for one in users.present(ctx, rows) for shown in _memberships(ctx, one, one.role_assignments)
        ],
    )


def join(ctx: Context, body: OrgMembersV2In) -> SuccessOut:
    """Adds users and groups to all the organizations that the body names, or to none; members get the role instead."""
    name = body.org_role or "org_member"
    role = bulk.role_called(ctx, NEW_NAMES.get(name, name), "org")
    bulk.join(ctx, body.org_ids, body.user_ids, body.group_names or [], role.role_id)
    return DONE


def leave(ctx: Context, user_id: str) -> SuccessOut:
    """Takes the role in the organization away; the user stays in the enterprise."""
    users.leave(ctx, user_id)
    return DONE


def list_roles(ctx: Context) -> list[RoleV2Out]:
    """All roles, custom ones too."""
    found = everything(lambda after, first: roles.list_page(ctx, PageQuery(after=after, first=first)))
    return [RoleV2Out.model_validate(roles.present(one).model_dump()) for one in found]


def list_groups(ctx: Context, query: SkipQuery) -> PageV2Out[GroupV2Out]:
    """Groups of the identity provider that are known here, by name."""
    return page_of(
        lambda after, first: idp_groups.registered(ctx, PageQuery(after=after, first=first)),
        query,
        lambda rows: [_group(one) for one in idp_groups.present(ctx, rows)],
    )


def get_group(ctx: Context, group_name: str) -> GroupV2Out:
    return _group(idp_groups.present(ctx, [idp_groups.find(ctx, group_name)])[0])


def _group(one: IdpGroupOut) -> GroupV2Out:
    by_org = {given.org_id: _role(given.role) for given in one.role_assignments if given.org_id}
    return GroupV2Out(group_name=one.idp_group_name, org_count=len(by_org), role_by_org_id=by_org)


def add_groups(ctx: Context, body: GroupsV2In) -> list[str]:
    """Makes groups known, beside those that are; answers the names of all."""
    idp_groups.register(ctx, body.group_names)
    rows = everything(lambda after, first: idp_groups.registered(ctx, PageQuery(after=after, first=first)))
    return [row.name for row in rows]


def list_org_groups(ctx: Context, query: SkipQuery) -> PageV2Out[OrgGroupV2Out]:
    """Groups that have a role in the organization, by name."""
    return page_of(
        lambda after, first: idp_groups.list_page(ctx, PageQuery(after=after, first=first)),
        query,
        lambda rows: [_org_group(ctx, one) for one in idp_groups.present(ctx, rows)],
    )


def add_org_group(ctx: Context, body: OrgGroupV2In) -> OrgGroupV2Out:
    """The group's first role in the organization; one without a role at the enterprise becomes Member there."""
    role = bulk.role_called(ctx, NEW_NAMES.get(body.role, body.role), "org")
    row = bulk.join_group(ctx, body.group_name, role.role_id)
    return _org_group(ctx, idp_groups.present(ctx, [row])[0])


def _org_group(ctx: Context, one: IdpGroupOut) -> OrgGroupV2Out:
    held = next((given.role for given in one.role_assignments if given.org_id == ctx.scope.one_org), None)
    if held is None:
        raise NotFound(f"Group {one.idp_group_name[:64]!r} has no role in this organization.")
    return OrgGroupV2Out(group_name=one.idp_group_name, org_id=ctx.scope.one_org, role=_role(held))


def remove_org_group(ctx: Context, group_name: str) -> SuccessOut:
    idp_groups.remove(ctx, group_name)
    return DONE
