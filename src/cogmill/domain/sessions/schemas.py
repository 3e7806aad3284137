"""What goes in and out of the session operations; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from cogmill.domain.sessions.states import Detail, Status
from cogmill.web.json_schemas import usable_schema
from cogmill.web.params import Body, Out, PageQuery, Query, Tag

Category = Literal[
    "bug_fixing", "ci_cd_and_devops", "code_quality_and_security", "code_review_and_analysis", "data_and_automation",
    "documentation_and_content", "feature_development", "migrations_and_upgrades", "other",
    "refactoring_and_optimization", "research_and_exploration", "unit_test_generation",
]  # fmt: skip
Origin = Literal["webapp", "slack", "teams", "api", "linear", "jira", "automation", "cli", "desktop", "other"]
OriginFilter = Literal[
    "webapp", "slack", "teams", "api", "linear", "jira", "automation", "cli", "desktop", "other", "scheduled"
]
EventCategory = Literal[
    "shell", "file", "search", "browser", "mcp", "git", "message", "status", "secret", "todo", "recording",
    "knowledge", "playbook", "webhook", "lifecycle", "other",
]  # fmt: skip
Direction = Literal["incoming", "outgoing"]
Tags = Annotated[list[Tag], Field(max_length=50)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000, pattern=r"\S")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Stamp = Annotated[int, Field(ge=-(2**53), le=2**53)]


class SessionSecretIn(Body):
    key: str = Field(min_length=1, max_length=256)
    value: str = Field(max_length=65536)
    sensitive: bool = True


class SessionIn(Body):
    """A new session. Only the prompt is required."""

    prompt: Text
    title: Annotated[str, StringConstraints(max_length=500)] | None = None
    tags: Tags | None = None
    repos: Annotated[list[Id], Field(max_length=20)] | None = Field(None, description="owner/name, URL or local path")
    attachment_urls: (
        Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=2083)]], Field(max_length=100)] | None
    ) = None
    max_acu_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    structured_output_schema: Annotated[dict[str, Any] | None, AfterValidator(usable_schema)] = Field(
        None, description="JSON Schema Draft 7, at most 64 KB"
    )
    structured_output_required: bool | None = None
    session_secrets: Annotated[list[SessionSecretIn], Field(max_length=200)] | None = None
    session_links: Annotated[list[Id], Field(max_length=100)] | None = None
    knowledge_ids: Annotated[list[Id], Field(max_length=500)] | None = Field(
        None, description="notes that it is given; null: those that are pinned or fit; empty: none"
    )
    secret_ids: list[Id] | None = None
    playbook_id: Id | None = None
    child_playbook_id: Id | None = None
    create_as_user_id: Id | None = None
    bypass_approval: bool | None = None
    platform: Id | None = None
    devin_mode: Literal["normal", "fast", "lite"] | None = None
    advanced_mode: Literal["analyze", "create", "improve", "batch", "manage"] | None = Field(
        None, json_schema_extra={"deprecated": True}
    )
    agent: Literal["model", "runbook", "replay"] | None = Field(
        None, description="Extension: the agent; null lets the server choose"
    )
    playbook: Text | None = Field(None, description="Extension: the text of a playbook for this session only")
    recording: Id | None = Field(None, description="Extension: attachment URL or id of a recording for agent `replay`")


class CreateQuery(Query):
    devin_id: str | None = Field(None, description="Session on whose behalf this one is created; becomes its parent")


class SessionFilters(PageQuery):
    """Filters of the session list; several of them narrow it further, several values of one widen it."""

    category: Category | None = None
    created_after: Stamp | None = Field(None, description="unix seconds")
    created_before: Stamp | None = Field(None, description="unix seconds")
    is_archived: bool | None = None
    origins: list[OriginFilter] | None = None
    playbook_id: str | None = None
    repo_names: list[str] | None = None
    schedule_id: str | None = None
    service_user_ids: list[str] | None = None
    session_ids: list[str] | None = None
    tags: list[str] | None = None
    updated_after: Stamp | None = Field(None, description="unix seconds")
    updated_before: Stamp | None = Field(None, description="unix seconds")
    user_ids: list[str] | None = None


class SessionListQuery(SessionFilters):
    devin_id: str | None = None


class EnterpriseSessionListQuery(SessionFilters):
    org_ids: list[str] | None = None
    include_deleted_orgs: bool = Field(False, description="sessions of deleted organizations, too")


class OrgQuery(Query):
    """A session is found without its organization; a wrong one hides it."""

    org_id: str | None = None


class SessionPageQuery(PageQuery):
    org_id: str | None = None


class TerminateQuery(Query):
    archive: bool = False


class PullRequestRef(Out):
    pr_url: str
    pr_state: str | None


class SessionOut(Out):
    session_id: str
    url: str
    status: Status
    status_detail: Detail | None
    title: str | None
    tags: list[str]
    org_id: str
    user_id: str | None
    service_user_id: str | None
    created_at: int
    updated_at: int
    acus_consumed: float
    pull_requests: list[PullRequestRef]
    structured_output: dict[str, Any] | None
    parent_session_id: str | None
    child_session_ids: list[str] | None
    playbook_id: str | None
    is_archived: bool
    origin: Origin | None
    category: Category | None
    subcategory: str | None
    is_advanced: bool = Field(json_schema_extra={"deprecated": True})


class MessageIn(Body):
    message: Text
    message_as_user_id: Id | None = None


class MessageOut(Out):
    event_id: str
    created_at: int
    message: str
    source: Literal["devin", "user"]


class TagsIn(Body):
    tags: Tags


class TagsOut(Out):
    tags: list[str]


class SessionAttachmentOut(Out):
    attachment_id: str
    name: str
    source: Literal["devin", "user"]
    url: str
    content_type: str | None


class EventListQuery(PageQuery):
    """Filters of the event list. `categories` and `event_types` exclude each other."""

    categories: list[EventCategory] | None = None
    event_types: list[str] | None = None
    direction: Direction | None = None
    created_after: Stamp | None = Field(None, description="unix seconds")
    created_before: Stamp | None = Field(None, description="unix seconds")


class EventSearchQuery(EventListQuery):
    query: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class EventDetailsQuery(Query):
    """Either `event_ids`, or `offset` and `limit` over the timeline."""

    event_ids: Annotated[list[str], Field(max_length=20)] | None = None
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    max_content_length: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000


class EventOut(Out):
    event_id: str
    event_type: str
    category: EventCategory
    direction: Direction
    created_at: int
    summary: str


class EventHitOut(EventOut):
    match_context: str


class EventDetailOut(Out):
    event_id: str
    event_type: str
    category: EventCategory
    direction: Direction
    created_at: int
    contents: dict[str, Any]
    truncated_fields: list[str] | None


class EventDetailsOut(Out):
    items: list[EventDetailOut]
