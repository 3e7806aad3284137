"""Shapes on the wire. Unknown members are kept, so that `raw()` gives back what the server sent."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

SESSION_OVER = frozenset({"exit", "error"})


class Wire(BaseModel):
    """Base of all answers: open for members that newer servers add."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def raw(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_unset=True)


class Page(Wire, Generic[T]):
    items: list[T]
    end_cursor: str | None = None
    has_next_page: bool = False
    total: int | None = None


class SessionPullRequest(Wire):
    pr_url: str
    pr_state: str | None = None


class Session(Wire):
    session_id: str
    org_id: str
    url: str
    status: str
    status_detail: str | None = None
    title: str | None = None
    tags: list[str]
    pull_requests: list[SessionPullRequest]
    acus_consumed: float
    created_at: int
    updated_at: int
    is_archived: bool = False
    origin: str | None = None
    playbook_id: str | None = None
    structured_output: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Nothing can happen in it any more."""
        return self.status in SESSION_OVER


class Event(Wire):
    """An event as the stream sends it."""

    seq: int
    event_id: str
    event_type: str
    category: str = "other"
    direction: str = "outgoing"
    created_at: float
    summary: str = ""
    contents: dict[str, Any] = {}


class EventSummary(Wire):
    event_id: str
    event_type: str
    category: str
    direction: str
    created_at: float
    summary: str


class Attachment(Wire):
    attachment_id: str
    name: str
    url: str


class Self(Wire):
    principal_type: str
    org_id: str | None = None


class RepoDiff(Wire):
    repo: str
    branch: str | None = None
    base_branch: str | None = None
    base_commit: str | None = None
    head_commit: str | None = None
    diff: str


class SessionDiff(Wire):
    session_id: str
    diffs: list[RepoDiff]


class PullRequest(Wire):
    pull_request_id: str
    number: int
    repo: str
    title: str
    body: str | None = None
    state: str
    branch: str
    base_branch: str
    url: str
    session_id: str | None = None
    diff: str = ""


class SessionCreate(BaseModel):
    """Body of a create; only what is set is sent. `agent` and `recording` are Cogmill's extensions."""

    model_config = ConfigDict(extra="allow")

    prompt: str
    title: str | None = None
    repos: list[str] | None = None
    tags: list[str] | None = None
    playbook_id: str | None = None
    attachment_urls: list[str] | None = None
    max_acu_limit: int | None = None
    structured_output_schema: dict[str, Any] | None = None
    devin_mode: str | None = None
    platform: str | None = None
    agent: str | None = None
    recording: str | None = None


class Role(Wire):
    role_id: str
    role_name: str
    role_type: str
    permissions: list[str]
    is_default: bool


class ApiKey(Wire):
    api_key_id: str
    api_key_name: str
    created_at: int
    expires_at: int | None = None
    is_active: bool
    last_used_at: int | None = None
    revoked_at: int | None = None


class GitConnection(Wire):
    git_connection_id: str
    git_provider_type: str
    name: str | None = None
    host: str
    created_at: int


class NewGitConnection(GitConnection):
    """A connection that was just made; nothing shows its webhook's secret again."""

    webhook_url: str
    webhook_secret: str = Field(repr=False)


class GitCheck(Wire):
    works: bool
    detail: str


class User(Wire):
    user_id: str
    email: str


class Webhook(Wire):
    webhook_id: str
    org_id: str | None = None
    url: str
    event_types: list[str] | None = None
    is_enabled: bool
    disabled_reason: str | None = None


class NewWebhook(Webhook):
    """A webhook that was just made; nothing shows its secret again."""

    secret: str = Field(repr=False)


class Delivery(Wire):
    """What was sent to a webhook, with its last attempt."""

    delivery_id: str
    event_type: str
    state: str
    attempt: int
    created_at: int
    status_code: int | None = None
    duration_ms: int | None = None
    error: str | None = None


class NewApiKey(Wire):
    """A key that was just made; nothing shows its token again."""

    token: str = Field(repr=False)
    api_key_id: str
    api_key_name: str


class IndexJobRef(Wire):
    """A job as the contract shows it."""

    job_id: str
    branch_name: str | None = None
    commit: str
    status: str


class IndexingStatus(Wire):
    indexing_enabled: bool
    latest_indexes: list[IndexJobRef]


class Repository(Wire):
    repo_path: str
    repo_language: str | None = None
    indexing_status: IndexingStatus | None = None


class RepositoryIndexing(Wire):
    repository_path: str
    branches: list[str]
    indexing_enabled: bool


class IndexJob(Wire):
    job_id: str
    branch_name: str | None = None
    commit: str | None = None
    status: str
    created_at: int
    files_total: int
    files_done: int
    files_skipped: int
    error: str | None = None


class CodeHit(Wire):
    repository_path: str
    branch: str
    path: str
    line: int
    name: str | None = None
    symbol_kind: str | None = None
    container: str | None = None
    text: str


class Guardrail(Wire):
    """A rule on what sessions are asked for and do."""

    guardrail_id: str
    org_id: str | None = None
    name: str
    target: str
    pattern: str | None = None
    judgement: str | None = None
    action: str
    is_enabled: bool


class GuardrailViolation(Wire):
    """What went against one."""

    violation_id: int
    guardrail_name: str
    session_id: str | None = None
    reasoning: str
    action_taken: str
    created_at: int


class PrReview(Wire):
    """How the review of one commit of a pull request stands."""

    commit_sha: str
    pr_number: int
    repo_path: str
    status: str
    session_id: str | None = None
    detail: str | None = None
    report: str | None = None

    @property
    def is_over(self) -> bool:
        """Nothing more comes of it."""
        return self.status in {"completed", "errored"}


class OrgGroup(Wire):
    """Organizations that share a limit of a cycle."""

    org_ids: list[str]
    max_cycle_acus: int | None = None


class OrgGroups(Wire):
    groups: dict[str, OrgGroup]


class AcuLimit(Wire):
    """A limit of a cycle, and what of it is gone."""

    scope: str
    org_id: str | None = None
    group_name: str | None = None
    user_id: str | None = None
    cycle_acu_limit: int
    acus_used: float
    acus_reserved: float
