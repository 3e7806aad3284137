"""A turn in memory that journals like the real one, and crashes where a test wants it to."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from cogmill.engine.agents.seam import (
    Checkout,
    Json,
    LogEvent,
    Price,
    PullRequest,
    StepOutcome,
    StepResult,
    Suspend,
    Task,
)


class Crash(BaseException):
    """The process died here."""


@dataclass
class Journal:
    """What survives a crash: the log, and what really happened outside (for the assertions)."""

    events: list[LogEvent] = field(default_factory=list)
    finished: Counter = field(default_factory=Counter)
    """How often a step's action came to its end and was written down."""
    ran: Counter = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)
    spent: Decimal = Decimal(0)
    reserved: list[Decimal] = field(default_factory=list)
    structured: object = None
    arriving: list[tuple[int, str]] = field(default_factory=list)
    """Messages that the user writes as soon as the log has so many events."""
    crash_at: int | None = None
    points: int = 0

    def point(self, _name: str) -> None:
        self.points += 1
        if self.points == self.crash_at:
            raise Crash

    def append(self, event_type: str, category: str, direction: str, contents: Json) -> LogEvent:
        seq = len(self.events) + 1
        stored = json.loads(json.dumps(contents))
        event = LogEvent(seq, f"event-{seq}", event_type, category, direction, time.time(), stored)
        self.events.append(event)
        return event

    def user(self, text: str) -> LogEvent:
        return self.append("user_message", "message", "incoming", {"message": text})

    def of_type(self, event_type: str) -> list[Json]:
        return [event.contents for event in self.events if event.event_type == event_type]


class _Steps:
    def __init__(self, key: str, attempt: int, sink: list[str]) -> None:
        self.key = key
        self.attempt = attempt
        self._sink = sink

    def output(self, text: str) -> None:
        self._sink.append(text)


class MemoryTurn:
    """The runner's side of a turn. A new one over the same journal is a new process."""

    def __init__(self, task: Task, sandbox, journal: Journal, secrets=None) -> None:
        self.task = task
        self.sandbox = sandbox
        self.secrets = secrets or {}
        self.journal = journal
        self._deliver()
        self.history = tuple(journal.events)
        self._seen = len(journal.events)
        self.output: list[str] = []
        self._pull_requests = 0
        self.index = None
        self.files: dict[str, bytes] = {}
        """What was uploaded, by attachment."""

    async def attachment(self, attachment_id: str) -> bytes | None:
        return self.files.get(attachment_id)

    def _deliver(self) -> None:
        due = [one for one in self.journal.arriving if one[0] <= len(self.journal.events)]
        for one in due:
            self.journal.arriving.remove(one)
            self.journal.user(one[1])

    def _found(self, suffix: str, key: str) -> LogEvent | None:
        events = [e for e in self.journal.events if e.contents.get("key") == key and e.event_type.endswith(suffix)]
        return events[-1] if events else None

    async def step(
        self, key, type, category, title, action, *, input=None, effects=True, on_cut="retry"
    ) -> StepOutcome:  # fmt: skip
        return await self._step(key, type, category, title, action, input, effects, on_cut)

    async def _step(self, key, type, category, title, action, input, effects, on_cut) -> StepOutcome:
        if done := self._found("_completed", key):
            return StepOutcome(done.contents, done.contents["ok"], replayed=True)
        attempt = 1
        self.journal.point(f"{key} before")
        if self._found("_started", key):
            if not self._found("_interrupted", key):
                self.journal.append(f"{type}_interrupted", category, "outgoing", {"key": key})
            self.journal.point(f"{key} marked")
            if on_cut == "report":
                return StepOutcome({}, ok=False, replayed=False, interrupted=True)
            attempt = 2
        elif effects:
            self.journal.append(f"{type}_started", category, "outgoing", {"key": key, "input": input or {}})
        self.journal.point(f"{key} started")
        self.journal.ran[key] += 1
        result = await self._act(action, _Steps(key, attempt, self.output))
        self.journal.point(f"{key} ran")
        own = {"key": key, "title": title, "attempt": attempt, "ok": result.ok, "seconds": 0.0, "acus": 0.0}
        contents = result.contents | own
        self.journal.append(f"{type}_completed", category, "outgoing", contents)
        self.journal.finished[key] += 1
        self.journal.point(f"{key} completed")
        self._deliver()
        return StepOutcome(json.loads(json.dumps(contents)), result.ok, replayed=False, attempt=attempt)

    async def _act(self, action, steps) -> StepResult:
        try:
            return await action(steps)
        except Suspend:
            raise
        except Exception as error:
            return StepResult({"error": f"{type(error).__name__}: {error}"}, ok=False)

    async def model_step(self, key, title, worst_case: Price, action) -> StepOutcome:
        spent = []

        async def inner(steps):
            self.journal.reserved.append(worst_case.usd)
            result, price = await action(steps)
            spent.append(price.usd)
            return result

        outcome = await self._step(key, "model_call", "other", title, inner, None, True, "retry")
        self.journal.spent += sum(spent, Decimal(0))
        return outcome

    async def emit(self, event_type, category, summary, contents, *, key=None) -> None:
        self.journal.point(f"emit {key}")
        if key is None or not self._found(event_type, key):
            self.journal.append(event_type, category, "outgoing", {"key": key, **contents})
        self.journal.point(f"emitted {key}")

    async def say(self, message, *, key=None) -> None:
        self.journal.point(f"say {key}")
        if key is None or not self._found("devin_message", key):
            self.journal.append("devin_message", "message", "outgoing", {"key": key, "message": message})
            self.journal.said.append(message)
        self.journal.point(f"said {key}")

    async def user_messages(self) -> list[LogEvent]:
        self._deliver()
        fresh = [event for event in self.journal.events[self._seen :] if event.event_type == "user_message"]
        self._seen = len(self.journal.events)
        return fresh

    async def set_structured_output(self, value) -> None:
        self.journal.structured = value
        self.journal.append("structured_output_updated", "other", "outgoing", {"structured_output": value})

    async def _head(self, checkout: Checkout) -> str:
        span = f"{checkout.base_branch}..{checkout.work_branch}"
        counted = await self.sandbox.exec(["git", "-C", checkout.path, "rev-list", "--count", span])
        if counted.stdout.strip() in {b"", b"0"}:
            raise ValueError("no new commits")
        return (await self.sandbox.exec(["git", "-C", checkout.path, "rev-parse", "HEAD"])).stdout.decode().strip()

    async def search_code(self, query, kind, *, path, language, limit):
        return self.index(query, kind) if self.index else ([], [])

    async def commit_push(self, checkout) -> str:
        return await self._head(checkout)

    async def open_pull_request(self, checkout, title, body) -> PullRequest:
        await self._head(checkout)
        url = f"http://127.0.0.1:8400/forge/{checkout.name}/pulls/1"
        return PullRequest(url, 1, title, "open", checkout.work_branch)

    def redact(self, text: str) -> str:
        return text
