"""What goes in and out of v2; names and meanings are the contract's."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import ConfigDict, Field, RootModel, StringConstraints

from cogmill.api.legacy.reading import DEEPEST, Offset, When
from cogmill.domain.git_providers.schemas import ProviderType
from cogmill.domain.organizations.schemas import Acus
from cogmill.web.params import Body, Out, Query

T = TypeVar("T")
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Ids = Annotated[list[Id], Field(max_length=100)]


class SkipQuery(Query):
    skip: Offset = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 100


class PageV2Out(Out, Generic[T]):
    items: list[T]
    total: int = Field(description="exact up to 10000; at least so many beyond")
    skip: int
    limit: int
    has_more: bool
    next_cursor: int | None = Field(description="the next skip")


class SuccessOut(Out):
    status: Literal["success"]


class SelfV2Out(Out):
    api_key_id: str
    org_id: str = Field(description="empty for a key that is for no single organization")
    user_email: str | None
    user_id: str | None


class KeysQuery(Query):
    page: Annotated[int, Field(ge=1, le=2**31, description=f"at most {DEEPEST} keys deep")] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 25
    org_id: str | None = None


class ApiKeyV2Out(Out):
    id: str
    created_at: datetime
    is_service_key: bool = Field(description="of an organization, and of no person")
    org_id: str = Field(description="empty for a person's key that is for no single organization")
    org_name: str
    user_id: str | None
    user_email: str | None
    api_key_value: str | None = Field(description="always null: a key is shown when it is made")


class ApiKeyV2In(Body):
    org_id: Id


class ApiKeyWithValueOut(Out):
    api_key: str
    org_id: str


class AuditLogsV2Query(Query):
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    before: When = Field(None, description="records before this date or time")
    after: When = Field(None, description="records of this date or time, and later")


class AuditLogV2Out(Out):
    """What else is known of the change follows as further fields."""

    model_config = ConfigDict(extra="allow", frozen=True)

    audit_log_id: str
    action: str
    org_id: str | None
    user_id: str | None
    user_email: str | None
    created_at: int = Field(description="unix milliseconds")


class HypervisorV2Out(Out):
    hypervisor_id: str
    status: Literal["healthy", "unhealthy", "unknown"]
    seconds_since_report: int | None


class AuditLogsV2Out(Out):
    audit_logs: list[AuditLogV2Out]


class GroupV2Out(Out):
    group_name: str
    org_count: int
    role_by_org_id: dict[str, str]


class GroupsV2In(Body):
    group_names: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=256, strip_whitespace=True)]],
        Field(max_length=100),
    ]


class MembersQuery(SkipQuery):
    email: str | None = None


class MemberV2Out(Out):
    user_id: str
    email: str
    name: str
    enterprise_role: str = Field(description="account_admin, account_member, a custom role's name, or none")
    created_at: datetime
    last_login: datetime | None = Field(description="beginning of the newest browser session that is still kept")
    login_count: int | None = Field(description="always null: it is not counted")
    saml_id: str | None = Field(description="the account's id at the identity provider")
    sessions_created_count: int = Field(description="in organizations that are not deleted")
    searches_created_count: int = Field(description="the same of searches of indexed code")


class InviteV2In(Body):
    emails: Annotated[list[str], Field(max_length=100)]


class InvitedV2Out(Out):
    status: Literal["success"]
    invited_count: int
    invitee_user_id_to_email: dict[str, str]


class RolesV2In(Body):
    role_id: Id
    user_ids: Ids


class MembershipV2Out(Out):
    user_id: str
    email: str
    name: str
    org_id: str
    org_name: str
    org_role: str = Field(description="org_admin, org_member, or a custom role's name")
    org_role_name: str | None
    enterprise_role: str | None


class RoleV2Out(Out):
    role_id: str
    role_name: str
    role_type: str


class OrganizationV2Out(Out):
    org_id: str
    org_name: str
    created_at: datetime | None
    max_session_acu_limit: int | None
    max_cycle_acu_limit: int | None
    org_admin_count: int = Field(description="people who are Admin there themselves, and not through a group")
    org_member_count: int = Field(description="the same of Member")
    org_user_count: int = Field(description="the same of any role")


class OrganizationV2In(Body):
    display_name: str
    acu_limit: Acus | None = Field(None, description="of a billing cycle; null: no limit")
    add_creator_as_member: bool = Field(True, description="the caller becomes an Admin there")


class OrganizationV2Patch(Body):
    """What is left out stays as it is; null clears the limit."""

    display_name: str | None = None
    max_acu_limit: Acus | None = Field(None, description="of a billing cycle")


class OrgMembersV2In(Body):
    org_ids: Ids
    user_ids: Ids
    group_names: Ids | None = None
    org_role: str | None = Field(None, description="org_member (default), org_admin, or a custom role's name or id")


class OrgGroupV2In(Body):
    group_name: Id
    role: Id = Field(description="org_member, org_admin, or a custom role's name or id")


class OrgGroupV2Out(Out):
    group_name: str
    org_id: str
    role: str


class GitConnectionV2Out(Out):
    connection_id: str
    type: ProviderType
    host: str
    name: str | None
    created_at: datetime


class GitPermissionV2Out(Out):
    permission_id: str
    host: str
    repo_path: str | None
    group_prefix: str | None
    prefix_path: str | None


class GitPermissionV2In(Body):
    connection_id: Id
    repo_path: Ids | None = None
    group_prefix: Ids | None = None
    prefix_path: str | None = None
    repo_url: str | None = Field(None, description="refused: name the repository by repo_path")
    group_prefix_url: str | None = Field(None, description="refused: name the group by group_prefix")


class GitPermissionsV2In(RootModel[Annotated[list[GitPermissionV2In], Field(max_length=200)]]):
    """A bare list."""


class GitPermissionsV2Out(Out):
    status: Literal["success"]
    permission_ids: list[str]
    permission_names: dict[str, str]


class PlaybookV2In(Body):
    title: Annotated[str, Field(min_length=1)]
    body: Annotated[str, Field(min_length=1)]
    macro: str | None = None


class PlaybookV2Patch(Body):
    """What is left out, or null, stays as it is."""

    title: str | None = None
    body: str | None = None
    macro: str | None = None


class PlaybookV2Out(Out):
    playbook_id: str
    title: str
    body: str
    macro: str | None
    status: str
    access: str
    account_id: str
    created_at: datetime | None
    updated_at: datetime | None
    created_by_user_id: str | None
    created_by_user_name: str | None
    updated_by_user_id: str | None
    updated_by_user_name: str | None
