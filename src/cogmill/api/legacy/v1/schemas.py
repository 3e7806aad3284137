"""What goes in and out of v1; names and meanings are the contract's."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from cogmill.api.legacy.reading import Offset, When
from cogmill.domain.knowledge.schemas import MACRO
from cogmill.domain.sessions.schemas import Id, SessionSecretIn, Tags, Text
from cogmill.web.json_schemas import usable_schema
from cogmill.web.params import Body, Out, Query

StatusEnum = Literal[
    "working", "blocked", "expired", "finished", "suspend_requested", "suspend_requested_frontend", "resume_requested",
    "resume_requested_frontend", "resumed",
]  # fmt: skip
Limit = Annotated[int, Field(ge=1, le=1000)]


class SessionsQuery(Query):
    limit: Limit = 100
    offset: Offset = 0
    skip: Offset | None = Field(None, description="the same as offset, which it goes before")
    tags: list[str] | None = None
    user_email: str | None = Field(None, description="whose sessions")


class SessionV1In(Body):
    prompt: Text
    idempotent: bool = Field(False, description="the same request of the same key finds the session it made first")
    knowledge_ids: Annotated[list[Id], Field(max_length=500)] | None = None
    max_acu_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    playbook_id: Id | None = None
    secret_ids: list[Id] | None = None
    session_secrets: Annotated[list[SessionSecretIn], Field(max_length=200)] | None = None
    snapshot_id: str | None = Field(None, description="refused: sessions begin on the organization's active snapshot")
    structured_output_schema: Annotated[dict[str, Any] | None, AfterValidator(usable_schema)] = None
    tags: Tags | None = None
    title: Annotated[str, StringConstraints(max_length=500)] | None = None
    unlisted: bool = Field(False, description="true is refused: lists show every session to whoever may see it")


class SessionV1CreatedOut(Out):
    session_id: str
    url: str
    is_new_session: bool | None


class PullRequestV1Out(Out):
    url: str


class SessionV1Out(Out):
    session_id: str
    status: str = Field(description="running, blocked, suspended, exit or stopped")
    status_enum: StatusEnum | None
    title: str | None
    created_at: datetime
    updated_at: datetime
    snapshot_id: str | None
    playbook_id: str | None
    tags: list[str] | None
    pull_request: PullRequestV1Out | None
    requesting_user_email: str | None
    structured_output: dict[str, Any] | None


class SessionsV1Out(Out):
    sessions: list[SessionV1Out]


class MessageV1Out(Out):
    type: Literal["initial_user_message", "user_message", "devin_message"]
    event_id: str
    message: str
    timestamp: datetime
    username: str | None
    origin: str | None
    user_id: str | None


class SessionDetailsV1Out(SessionV1Out):
    messages: list[MessageV1Out] | None
    url: str


class MessageV1In(Body):
    message: Text


class DetailOut(Out):
    detail: str


class TagsV1In(Body):
    tags: Tags


class SecretV1Out(Out):
    id: str
    type: Literal["cookie", "key-value", "dictionary", "totp"]
    key: str | None
    created_at: datetime | None


class SecretV1In(Body):
    """`sensitive` and `note` may be left out, though the API of old calls them required."""

    model_config = ConfigDict(
        json_schema_extra={"required": ["type", "key", "value", "sensitive", "note"]}, extra="ignore", frozen=True
    )

    type: Literal["cookie", "key-value", "totp"]
    key: str
    value: str = Field(repr=False)
    sensitive: bool = True
    note: str | None = None


class IdOut(Out):
    id: str


class KnowledgeIn(Body):
    name: str
    body: str
    trigger_description: str
    macro: Annotated[str, StringConstraints(pattern=rf"^{MACRO}$", max_length=100)] | None = None
    parent_folder_id: str | None = None
    pinned_repo: str | None = None


class KnowledgeCreatorOut(Out):
    full_name: str
    id: str | None
    image_url: str | None


class KnowledgeOut(Out):
    id: str
    name: str
    body: str
    trigger_description: str
    created_at: datetime
    created_by: KnowledgeCreatorOut | None
    macro: str | None
    parent_folder_id: str | None
    pinned_repo: str | None


class KnowledgeFolderOut(Out):
    id: str
    name: str
    description: str
    created_at: datetime


class KnowledgeListOut(Out):
    knowledge: list[KnowledgeOut]
    folders: list[KnowledgeFolderOut]


class PlaybookV1In(Body):
    title: Annotated[str, Field(min_length=1)]
    body: Annotated[str, Field(min_length=1)]
    macro: str | None = None


class PlaybookV1Out(Out):
    playbook_id: str
    title: str
    body: str
    status: str
    access_type: str
    org_id: str
    created_at: datetime | None
    updated_at: datetime | None
    created_by_user_id: str | None
    created_by_user_name: str | None
    updated_by_user_id: str | None
    updated_by_user_name: str | None
    macro: str | None


class StatusOut(Out):
    status: Literal["success"]


class ConsumptionQuery(Query):
    start_date: str = Field(json_schema_extra={"format": "date"}, description="YYYY-MM-DD")
    end_date: str = Field(json_schema_extra={"format": "date"}, description="YYYY-MM-DD; the day itself counts")


class ConsumptionPullRequestOut(Out):
    pr_url: str
    pr_status: Literal["open", "closed", "merged"]


class ConsumptionSessionOut(Out):
    user_name: str
    user_email: str
    session_name: str
    created_at: datetime
    acu_used: float = Field(description="by the whole session")
    url: str
    org_id: str
    org_name: str
    pull_requests: list[ConsumptionPullRequestOut]


class ConsumptionCycleOut(Out):
    start: str = Field(json_schema_extra={"format": "date"})
    end: str = Field(json_schema_extra={"format": "date"})


class ConsumptionV1Out(Out):
    sessions: list[ConsumptionSessionOut]
    cycle: ConsumptionCycleOut


class AuditLogsV1Query(Query):
    limit: Limit = 100
    before: When = Field(None, description="records before this date or time")
    after: When = Field(None, description="records of this date or time, and later")


AuditAction = Literal[
    "add_member", "add_members_to_enterprise", "add_members_to_org", "add_members_to_primary_org", "assign_roles",
    "create_azure_devops_integration", "create_folder", "create_github_integration", "create_gitlab_integration",
    "create_knowledge", "create_linear_integration", "create_org", "create_org_api_key", "create_org_group",
    "create_playbook", "create_secret", "create_session", "create_user_api_key", "delete_azure_devops_integration",
    "delete_folder", "delete_github_integration", "delete_gitlab_integration", "delete_knowledge", "delete_member",
    "delete_org", "delete_org_group", "delete_playbook", "delete_repo_setup", "delete_secret", "edit_knowledge",
    "finish_repo_setup", "github_integration_deleted", "remove_members_from_org", "remove_repo_from_devin",
    "search_query", "send_message", "sleep_session", "start_repo_setup", "terminate_session",
    "update_enterprise_hypervisor_settings", "update_enterprise_settings", "update_folder", "update_org_group",
    "update_playbook", "update_secret", "view_org_api_key", "view_user_api_key",
]  # fmt: skip


class AuditLogV1Out(Out):
    """What else is known of the change follows as further fields."""

    model_config = ConfigDict(extra="allow", frozen=True)

    audit_log_id: str
    action: AuditAction | str
    created_at: int = Field(description="unix milliseconds")
    org_id: str | None
    user_id: str | None
    user_email: str | None


class AuditLogsV1Out(Out):
    audit_logs: list[AuditLogV1Out]
