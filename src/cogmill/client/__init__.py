"""Typed HTTP client of a Cogmill server; imports no server code."""

from cogmill.client.errors import (
    AnswerError,
    BadInput,
    ClientError,
    FieldProblem,
    NetworkError,
    NoKey,
    NoOrganization,
    NotAuthenticated,
    Refused,
    ServerFault,
)
from cogmill.client.models import (
    ApiKey,
    Attachment,
    Event,
    EventSummary,
    NewApiKey,
    Page,
    PullRequest,
    RepoDiff,
    Role,
    Self,
    Session,
    SessionCreate,
    SessionDiff,
    SessionPullRequest,
)
from cogmill.client.sessions import Client
from cogmill.client.settings import DEFAULT_URL, Target
from cogmill.client.stream import EventStream

__all__ = [
    "DEFAULT_URL",
    "AnswerError",
    "ApiKey",
    "Attachment",
    "BadInput",
    "Client",
    "ClientError",
    "Event",
    "EventStream",
    "EventSummary",
    "FieldProblem",
    "NetworkError",
    "NewApiKey",
    "NoKey",
    "NoOrganization",
    "NotAuthenticated",
    "Page",
    "PullRequest",
    "Refused",
    "RepoDiff",
    "Role",
    "Self",
    "ServerFault",
    "Session",
    "SessionCreate",
    "SessionDiff",
    "SessionPullRequest",
    "Target",
]
