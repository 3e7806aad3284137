"""The one interface between an agent and the runner: the runner offers a `Turn`, the agent drives it to a `TurnEnd`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

from cogmill.sandbox.protocol import OutputSink, Sandbox

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of the session's log, as the agent sees it."""

    seq: int
    event_id: str
    event_type: str
    category: str
    direction: str
    created_at: float
    contents: Json


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository cloned into the workspace."""

    name: str
    """owner/name at its forge."""
    path: str
    """Folder inside the sandbox, e.g. /workspace/calc."""
    base_branch: str
    work_branch: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request at the repository's forge."""

    url: str
    number: int
    title: str
    state: str
    branch: str


@dataclass(frozen=True, slots=True)
class CodeHit:
    """A definition, or a line, that an index of a repository knows."""

    repository: str
    branch: str
    commit: str
    path: str
    line: int
    text: str
    name: str | None = None
    kind: str | None = None
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with the prompt or a message; already lies in the workspace."""

    name: str
    path: str
    """Path inside the sandbox."""
    content_type: str
    attachment_id: str = ""
    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A note that the session is given."""

    name: str
    why: str
    """For people and models, e.g. "pinned to acme/app"."""
    body: str


@dataclass(frozen=True, slots=True)
class Task:
    """What the session was asked for; constant over its life, but for the title."""

    session_id: str
    title: str | None
    prompt: str
    playbook: str | None
    """Body of the selected playbook, if any."""
    structured_output_schema: Json | None
    structured_output_required: bool
    devin_mode: str
    checkouts: tuple[Checkout, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    secrets: tuple[str, ...] = ()
    """Variables that hold secrets, in every command's environment."""
    knowledge: tuple[Knowledge, ...] = ()
    """Notes of the organization, the same ones for the session's whole life."""
    session_links: tuple[str, ...] = ()
    """Other sessions that the user points at."""
    environment: str | None = None
    """What blueprints of the organization say of lint, test, build and of keeping dependencies up to date."""
    advanced_mode: str | None = None
    child_playbook: Mapping[str, str] | None = None
    """Title, body and macro of the playbook for children, or that the session works on."""
    may_lead: bool = False
    """Whether other sessions may be started."""
    bypass_approval: bool = False
    """The user wants to be asked for no approval."""
    review: str | None = None
    """What is to be reviewed: a pull request with its change, and the repository's rules."""
    recording: Path | None = None
    """For the replay agent: host path of the recorded conversation."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step brought. `contents` is stored with the event; a later process gets it back and does not run again."""

    contents: Json
    summary: str | None = None
    """One line for lists; None keeps the step's title."""
    ok: bool = True


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What `Turn.step` gives back."""

    contents: Json
    ok: bool
    replayed: bool
    """True when the step had been finished by an earlier process and was not run now."""
    interrupted: bool = False
    """True when an earlier process was cut inside this step and the policy was to report instead of running again."""
    attempt: int = 1


class Steps(Protocol):
    """Handed to a step's action while it runs."""

    key: str
    attempt: int

    def output(self, text: str) -> None:
        """Live output of the step; becomes `<type>_output` events, coalesced, secrets redacted."""


@dataclass(frozen=True, slots=True)
class Price:
    """Worst case of a model call before it is made, and the real cost after it. US dollars."""

    usd: Decimal


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """Why the turn is over and what the session becomes.

    finished: the work is done, session is running/finished until the user writes again.
    waiting_for_user: the agent asked something. waiting_for_approval: it asked whether it may do something.
    failed: cannot go on; `resumable` decides suspended/error over error.
    """

    outcome: Literal["finished", "waiting_for_user", "waiting_for_approval", "failed"]
    message: str | None = None
    """Said to the user as a devin message before the state changes."""
    resumable: bool = True


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that an agent wants to start. Its prompt is all that it knows of the task."""

    prompt: str
    title: str | None = None
    repos: tuple[str, ...] | None = None
    playbook_id: str | None = None
    max_acu_limit: int | None = None
    structured_output_schema: Json | None = None


@dataclass(frozen=True, slots=True)
class OtherSession:
    """A session beside the agent's own, as it is now."""

    session_id: str
    title: str | None
    status: str
    """E.g. "running (finished)"."""
    acus: float
    messages: tuple[tuple[str, str], ...] = ()
    """Who said what, user or devin, oldest first; only where it was read."""
    pull_requests: tuple[str, ...] = ()
    structured_output: Json | None = None


class Denied(Exception):
    """The organization's rules do not allow it; the text says why."""


class Organization(Protocol):
    """What an agent can do in its organization, with the rights of the one in whose name the session runs.

    Every method raises `Denied`. Use them inside steps.
    """

    async def start_session(self, key: str, wanted: NewSession) -> OtherSession:
        """A child of this session; with the same key the one that is there already."""

    async def children(self) -> list[OtherSession]:
        """The sessions that this one has started, oldest first."""

    async def read_session(self, session_id: str) -> OtherSession:
        """Any session that may be seen, with what was said in it."""

    async def message_session(self, session_id: str, text: str) -> OtherSession:
        """Say something to a child, which wakes it."""

    async def end_session(self, session_id: str) -> OtherSession:
        """End a child for good."""

    async def save_playbook(self, title: str, body: str, macro: str | None, playbook_id: str | None) -> str:
        """A new playbook, or a new version of one; answers its id."""

    async def notes(self, search: str | None) -> list[Json]:
        """Notes of knowledge with id, name, trigger and body; of many only the first ones."""

    async def save_note(self, name: str, body: str, trigger: str, note_id: str | None) -> str:
        """A new note, or one saved anew; answers its id."""


class Turn(Protocol):
    """The runner's side of one turn: durable steps, messages, budget. Every write is under the session's epoch."""

    task: Task
    history: Sequence[LogEvent]
    """The whole log up to the start of this turn, oldest first; includes all user messages (`user_message`)."""
    sandbox: Sandbox
    """Started already. Use it inside step actions only."""
    organization: Organization
    secrets: Mapping[str, str]
    """Variables to hand to commands: name -> value. Keep them out of contents; the runner redacts what slips."""

    async def step(
        self,
        key: str,
        type: str,
        category: str,
        title: str,
        action: Callable[[Steps], Awaitable[StepResult]],
        *,
        input: Json | None = None,
        effects: bool = True,
        on_cut: Literal["retry", "report"] = "retry",
    ) -> StepOutcome:
        """Run `action` at most once to its end, however often the process dies.

        `key` names the step within the session (e.g. a tool call id); a finished one is answered from the log.
        Events: `<type>_started` (only with effects, has `input`), `<type>_completed` (has contents, ok, seconds, acus).
        A step found started and not completed is marked `<type>_interrupted`, then run again or reported.
        An exception of the action, but for `Suspend`, is recorded as ok=False with `error` in contents.
        """

    async def model_step(
        self, key: str, title: str, worst_case: Price, action: Callable[[Steps], Awaitable[tuple[StepResult, Price]]]
    ) -> StepOutcome:
        """A `model_call` step: the worst case must fit below max_acu_limit; the real cost is booked with the result."""

    async def emit(
        self, event_type: str, category: str, summary: str, contents: Json, *, key: str | None = None
    ) -> None:
        """Append one plain outgoing event. With a key: only once in the session's life."""

    async def say(self, message: str, *, key: str | None = None) -> None:
        """Write a devin message to the user. With a key: only once in the session's life."""

    async def user_messages(self) -> list[LogEvent]:
        """User messages that arrived since the last call (not those in `history`); never blocks."""

    async def attachment(self, attachment_id: str) -> bytes | None:
        """The bytes of a file that came with the prompt or a message; None when it is gone."""

    async def set_structured_output(self, value: Json) -> None:
        """Store the (already validated) structured output."""

    async def search_code(
        self, query: str, kind: Literal["symbols", "text"], *, path: str | None, language: str | None, limit: int
    ) -> tuple[list[str], list[CodeHit]]:
        """Search the indexes of the session's repositories: the names of those that have one, and the hits.

        They know what is pushed, not what the workspace holds. Use inside a step.
        """

    async def commit_push(self, checkout: Checkout) -> str:
        """Push the work branch's commits to the forge, on the host side. Answers the head commit.

        ValueError when the branch has no new commit. Use inside a step.
        """

    async def open_pull_request(self, checkout: Checkout, title: str, body: str) -> PullRequest:
        """Push as above and open (or update) the pull request of the work branch. Use inside a step."""

    def redact(self, text: str) -> str:
        """The text with every secret value replaced."""


class Suspend(Exception):
    """Raised through the agent by the runner: a limit is reached or the user asked; let it pass."""


class Agent(Protocol):
    """One kind of agent. An object per turn; all state that must last is in the log."""

    name: str

    async def run(self, turn: Turn) -> TurnEnd:
        """Drive one turn. Called again with a longer history after a message, a wake-up or a crash."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model the built-in agent uses and how (settings `model*`)."""

    name: str
    """pydantic-ai name, e.g. "anthropic:claude-sonnet-5" or "openai:gpt-5"."""
    base_url: str | None = None
    """OpenAI-compatible endpoint."""
    api_key: str | None = None
    input_usd_per_mtok: Decimal | None = None
    output_usd_per_mtok: Decimal | None = None
    context_tokens: int = 200_000
    max_output_tokens: int = 8_192
    attempts: int = 6
    max_turn_requests: int = 200
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output_tokens(self) -> int:
        """Most tokens of an answer: the question must have room in the window beside it."""
        return min(self.max_output_tokens, self.context_tokens // 2)


__all__ = [
    "Agent", "Attachment", "Checkout", "CodeHit", "Denied", "Json", "Knowledge", "LogEvent", "ModelSettings",
    "NewSession", "Organization", "OtherSession", "OutputSink", "Price", "PullRequest", "StepOutcome", "StepResult",
    "Steps", "Suspend", "Task", "Turn", "TurnEnd",
]  # fmt: skip
