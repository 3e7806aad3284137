"""What goes in and out of webhooks."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from cogmill.domain.happenings.types import GROUPS, WEBHOOK_EVENT_TYPES
from cogmill.web.params import Body, Out, PageQuery

State = Literal["pending", "sending", "delivered", "failed"]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=500)]


def _known(names: list[str]) -> list[str]:
    for one in names:
        if one not in (*WEBHOOK_EVENT_TYPES, *GROUPS):
            raise ValueError(f"{one[:64]!r} is no event type; known are {', '.join((*WEBHOOK_EVENT_TYPES, *GROUPS))}")
    return list(dict.fromkeys(names))


EventTypes = Annotated[list[str], Field(min_length=1, max_length=50), AfterValidator(_known)]


class WebhookIn(Body):
    url: Url = Field(description="where to send it: https://, at a public address unless the settings allow others")
    event_types: EventTypes | None = Field(None, description="names such as session.finished, or session.*; null: all")
    description: Description | None = None
    is_enabled: bool = True


class WebhookPatch(Body):
    """What is left out stays as it is."""

    url: Url | None = None
    event_types: EventTypes | None = None
    description: Description | None = None
    is_enabled: bool | None = None


class WebhookOut(Out):
    webhook_id: str
    org_id: str | None = Field(description="null: hears of every organization of the enterprise")
    url: str
    event_types: list[str] | None
    description: str | None
    is_enabled: bool
    disabled_reason: str | None = Field(description="why the server switched it off")
    failing_since: int | None = Field(description="first failure since the last success")
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str


class WebhookWithSecretOut(WebhookOut):
    secret: str = Field(description="signs every message; shown this once")


class DeliveryFilters(PageQuery):
    state: State | None = None


class DeliveryOut(Out):
    delivery_id: str = Field(description="sent as webhook-id in every attempt")
    webhook_id: str
    event_type: str
    state: State
    attempt: int
    next_attempt_at: int | None
    created_at: int
    last_attempt_at: int | None
    status_code: int | None
    duration_ms: int | None
    error: str | None
    response_excerpt: str | None


class AttemptOut(Out):
    attempt: int
    at: int
    status_code: int | None
    duration_ms: int
    error: str | None
    response_excerpt: str | None


class DeliveryDetailsOut(DeliveryOut):
    payload: dict[str, Any]
    attempts: list[AttemptOut]
