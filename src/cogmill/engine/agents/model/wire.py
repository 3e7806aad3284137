"""What passes between the agent and a model backend: plain data, so that only `provider.py` knows pydantic-ai."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cogmill.engine.agents.seam import Json

Failing = Literal["retryable", "broken_off", "authentication", "quota", "context", "rejected", "configuration"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it."""

    name: str
    description: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class UserText:
    """Words from the user or from the agent's own rules."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the user attached; its bytes are not part of the conversation."""

    attachment_id: str
    path: str
    """Where it lies in the workspace."""
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ModelSaid:
    """An earlier answer of the model, serialised by pydantic-ai."""

    response: Json


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The result of one tool call."""

    call_id: str
    tool: str
    text: str
    ok: bool


Item = UserText | Picture | ModelSaid | ToolAnswer


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the model."""

    number: int
    """Counts the answered requests of the session, from 1."""
    instructions: str
    items: Sequence[Item]
    tools: Sequence[ToolSpec]
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Bytes of the pictures, by attachment; of those only that are still there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's answer: a serialised ModelResponse and what it cost in tokens."""

    response: Json
    usage: Json = field(default_factory=dict)


class ModelFailure(Exception):
    """The backend gave no answer; the text is fit for the user and holds no secret."""

    def __init__(self, kind: Failing, text: str, *, retry_after: float | None = None, written: int = 0) -> None:
        super().__init__(text)
        self.kind: Failing = kind
        self.text = text
        self.retry_after = retry_after
        self.written = written
        """Estimated output tokens of an answer that broke off: the provider has them paid."""


class Backend(Protocol):
    """Something that answers requests: a provider or a recording."""

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Reply:
        """Stream one answer. ModelFailure when there is none."""
