"""What goes in and out of automations; names and meanings are the contract's, actions `email` and `webhook` ours."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out, PageQuery

Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Prompt = Annotated[str, StringConstraints(min_length=1, max_length=100_000, pattern=r"\S")]
RunAs = Literal["organization", "creator"]
ActionType = Literal["start_session", "message_session", "monitor_session", "email", "webhook"]
RunState = Literal["queued", "done", "failed", "skipped"]


class Condition(Body):
    field: Short
    operator: Short
    value: Any


class AllConditions(Body):
    all: Annotated[list[Condition], Field(min_length=1, max_length=50)]


class Conditions(Body):
    """Any group all of whose conditions hold."""

    any: Annotated[list[AllConditions], Field(min_length=1, max_length=50)]


class Reply(Body):
    type: Literal["notify_thread", "attach_thread", "post_response"]


class Trigger(Body):
    event_type: Short
    conditions: Conditions | None = Field(None, description="null: every event of the type")
    replies: list[Reply] = Field(default_factory=list)


class Action(Body):
    type: ActionType
    prompt: Prompt | None = Field(None, description="what the session is told; for email the text")
    session: dict[str, Any] | None = Field(None, description="fields of create session; for messages session_id")
    to: Annotated[list[Short], Field(min_length=1, max_length=20)] | None = Field(None, description="email: addresses")
    subject: Short | None = Field(None, description="email")
    webhook_id: Short | None = Field(None, description="webhook: an outgoing webhook of the organization")


class Concurrency(Body):
    max_concurrent_runs: Annotated[int, Field(ge=1)] | None = None
    max_queue_depth: Annotated[int, Field(ge=0, le=100_000)] | None = None


class Invocations(Body):
    max_per_window: Annotated[int, Field(ge=1, le=1_000_000)]
    window_seconds: Annotated[int, Field(ge=60, le=366 * 86_400)]


class Limits(Body):
    max_acu_limit: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="of each session it starts")
    invocations: Invocations | None = None


class EmailNotification(Body):
    when: Literal["always", "success", "failure", "never"]


class Notifications(Body):
    email: EmailNotification | None = None


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=32)],
        Annotated[str, StringConstraints(max_length=128)],
    ],
    Field(max_length=16),
]
Triggers = Annotated[list[Trigger], Field(min_length=1, max_length=20)]
Actions = Annotated[list[Action], Field(min_length=1, max_length=10)]


class AutomationIn(Body):
    """What waits for what, and does what then."""

    triggers: Triggers
    actions: Actions
    run_as: RunAs = Field(description="creator: in your name, with your rights at that moment")
    name: Short | None = None
    enabled: bool = True
    concurrency: Concurrency | None = None
    limits: Limits | None = None
    metadata: Metadata = Field(default_factory=dict)
    notifications: Notifications | None = None
    session_settings: dict[str, Any] | None = Field(None, description="fields of create session, for every session")
    tools: dict[str, Any] | None = None


class AutomationPatch(Body):
    """What is left out stays; how the rest is merged, `update_semantics` of the schemas says."""

    triggers: Annotated[list[dict[str, Any]], Field(max_length=20)] | None = None
    actions: Annotated[list[dict[str, Any]], Field(max_length=10)] | None = None
    run_as: RunAs | None = None
    name: Short | None = None
    enabled: bool | None = None
    concurrency: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    notifications: dict[str, Any] | None = None
    session_settings: dict[str, Any] | None = None
    tools: dict[str, Any] | None = None


class AutomationOut(Out):
    automation_id: str
    org_id: str
    name: str
    enabled: bool
    run_as: RunAs
    triggers: list[Trigger]
    actions: list[Action]
    concurrency: Concurrency | None
    limits: Limits | None
    metadata: dict[str, str]
    notifications: Notifications | None
    session_settings: dict[str, Any] | None
    tools: dict[str, Any] | None
    webhook_url: str | None
    webhook_secret: str | None = Field(description="only in the answer that made it; sent back in X-Webhook-Secret")
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    next_run_at: int | None


class FieldOut(Out):
    field: str
    operators: list[str]


class EventSchemaOut(Out):
    event_type: str
    fields: list[FieldOut]
    replies: list[str]


class AutomationSchemasOut(Out):
    update_semantics: Literal["merge_patch", "replace_groups"]
    events: list[EventSchemaOut]
    actions: list[str]


class RunFilters(PageQuery):
    state: RunState | None = None


class AutomationRunOut(Out):
    run_id: str
    automation_id: str
    event_type: str
    event: dict[str, Any]
    state: RunState
    session_id: str | None
    error: str | None
    created_at: int
    finished_at: int | None


class TriggeredOut(Out):
    state: Literal["queued", "duplicate", "not_matched"]
    run_id: str | None
