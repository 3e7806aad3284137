"""The runner's side of a turn: durable steps under the session's epoch, budget, messages (the seam's `Turn`)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from cogmill.code_index.searching import Kind, Wanted
from cogmill.domain.attachments.service import stored_file
from cogmill.domain.guardrails.rules import Hit, Rule
from cogmill.domain.sessions.active_time import AT_MOST
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.states import Detail
from cogmill.engine import guardrail_judge, scanning
from cogmill.engine.agents.seam import (
    Checkout,
    CodeHit,
    Json,
    LogEvent,
    ModelSettings,
    Organization,
    Price,
    PullRequest,
    StepOutcome,
    StepResult,
    Steps,
    Suspend,
    Task,
    TurnEnd,
)
from cogmill.engine.allowance import Allowance, Limit
from cogmill.engine.code import search_code
from cogmill.engine.guarding import Guard
from cogmill.engine.journal import Journal, Known, Step
from cogmill.engine.live_output import LiveOutput
from cogmill.engine.metering import MICRO, ORG_LIMIT, OWN_LIMIT, Booked
from cogmill.engine.organization import LiveOrganization
from cogmill.engine.store import Store
from cogmill.engine.watching import RunWatch
from cogmill.engine.workspace import Workspace
from cogmill.kit.faults import crash_point
from cogmill.kit.logs import logger
from cogmill.sandbox.protocol import Sandbox

log = logger("engine")
JUDGEMENT = "guardrail_judgement"
_KEPT = "{} goes against a guardrail of your organization, so that I was not told it. The log says which and why."
Priced = tuple[StepResult, Decimal]
GO_ON = {
    OWN_LIMIT: "To go on, start a session with a higher max_acu_limit; this one's work is kept.",
    ORG_LIMIT: "To go on, have the organization's max_session_acu_limit raised, then write a message.",
}


class Checkpoint(Suspend):
    """The server stops: the session is given back to the queue between two steps."""


class Running:
    """What a step's action gets (the seam's `Steps`)."""

    def __init__(self, key: str, attempt: int, output: LiveOutput) -> None:
        self.key = key
        self.attempt = attempt
        self._output = output

    def output(self, text: str) -> None:
        self._output.add(text)


class LiveTurn:
    """One turn of one run. Agents see it as `Turn`."""

    def __init__(
        self, store: Store, workspace: Workspace, sandbox: Sandbox, task: Task, history: Sequence[LogEvent],
        secrets: Mapping[str, str], allowance: Allowance, stopping: asyncio.Event,
        bring: Callable[[LogEvent], Awaitable[None]], watch: RunWatch, model: ModelSettings | None = None,
    ) -> None:  # fmt: skip
        self.task = task
        self.history = history
        self.sandbox = sandbox
        self.secrets = secrets
        self.heard = history[-1].seq if history else 0
        """Sequence number up to which the agent knows the user's messages."""
        self._store = store
        self._workspace = workspace
        self._allowance = allowance
        self._meter = allowance.meter
        self._stopping = stopping
        self._watch = watch
        self._has_searched: bool = store.row.has_searched
        self._journal = Journal(history)
        self._guard = Guard(store, history, self._judge)
        self._model = model
        """Of the installation, which judges by guardrails."""
        self.organization: Organization = LiveOrganization(store)
        self.bring = bring
        """Puts the files of a message into the workspace."""

    async def step(
        self, key: str, type: str, category: str, title: str, action: Callable[[Steps], Awaitable[StepResult]],
        *, input: Json | None = None, effects: bool = True, on_cut: Literal["retry", "report"] = "retry",
    ) -> StepOutcome:  # fmt: skip
        """Run the action at most once to its end (see the seam)."""

        async def unpriced(steps: Steps) -> Priced:
            return await action(steps), Decimal(0)

        return await self._step(Step(key, type, category, title, input or {}, effects, on_cut), unpriced, Decimal(0))

    async def _judge(self, key: str, rule: Rule, text: str) -> Hit | None:
        """Whether a text goes against a rule by the model's judgement: asked once, paid by the session."""
        if self._model is None:
            return guardrail_judge.hit(rule, text, {"why": "no model is configured on this server any more"})
        model, asked = self._model, guardrail_judge.question(rule, self.redact(text))
        step = Step(
            f"judgement:{rule.guardrail_id}:{key}", JUDGEMENT, "other", f"Guardrail “{rule.name}”", {}, True, "retry"
        )
        done = await self._step(
            step, lambda _steps: guardrail_judge.judge(model, asked), guardrail_judge.dearest(model, asked)
        )
        return guardrail_judge.hit(rule, text, done.contents)

    async def admit(self) -> TurnEnd | None:
        """Before the agent begins: keep from it what guardrails do not let it be told.

        Answers the turn's end where nothing is left of what it has to do: its task, or all that was new.
        """
        said = [event for event in self.history if event.event_type == "user_message"]
        left = await self._guard.left_out(said)
        if not left:
            return None
        self.history = [event for event in self.history if event not in left]
        if said[0] in left:
            return TurnEnd("failed", f"{_KEPT.format('The prompt')} Start a session that asks for it.", resumable=False)
        await self._tell_kept(left)
        new = [one for one in said if one.seq > self._guard.settled]
        return TurnEnd("waiting_for_user") if new and all(one in left for one in new) else None

    async def _tell_kept(self, left: Sequence[LogEvent]) -> None:
        for one in left:
            await self.say(f"{_KEPT.format('A message')} Write another one.", key=f"kept-{one.seq}")

    async def model_step(
        self, key: str, title: str, worst_case: Price, action: Callable[[Steps], Awaitable[tuple[StepResult, Price]]]
    ) -> StepOutcome:
        """A model call: the worst case must fit below the limit before it is made."""

        async def priced(steps: Steps) -> Priced:
            result, price = await action(steps)
            return result, price.usd

        step = Step(key, "model_call", "other", title, {}, True, "retry")
        return await self._step(step, priced, worst_case.usd)

    async def _step(self, step: Step, action: Callable[[Steps], Awaitable[Priced]], worst_case: Decimal) -> StepOutcome:
        known = self._journal.of(step.key)
        if known.completed is not None:
            return StepOutcome(known.completed, bool(known.completed["ok"]), True, attempt=known.attempts)
        if known.reported:
            return StepOutcome({}, False, True, interrupted=True, attempt=known.attempts)
        if known.attempts > known.marked:
            await self._mark_cut(step, known)
            if known.reported:
                return StepOutcome({}, False, False, interrupted=True, attempt=known.attempts)
        if self._stopping.is_set():
            raise Checkpoint
        if (refused := await self._guard.refusal(step)) is not None:
            known.completed = refused
            return StepOutcome(refused, False, False, attempt=known.attempts + 1)
        await self._allowance.ready(worst_case)
        if self._stopping.is_set():
            raise Checkpoint
        seconds = self._within_budget(worst_case)
        attempt = known.attempts + 1
        if step.effects:
            contents = {"key": step.key, "title": step.title, "attempt": attempt, "input": step.input}
            if worst_case:
                contents[AT_MOST] = float(worst_case)
            await self._store.append([NewEvent(f"{step.type}_started", step.category, step.title, contents)])
            known.attempts = attempt
            crash_point("step_started")
        began = time.monotonic()
        try:
            result, usd = await self._act(step, action, attempt, seconds)
        except Limit:
            if worst_case:
                await self._book_cut(step, known, worst_case)
            raise
        crash_point("step_acted")
        return await self._complete(step, known, result, usd, time.monotonic() - began, attempt)

    async def _mark_cut(self, step: Step, known: Known) -> None:
        """Say that an earlier process was cut inside this step, before anything else happens."""
        known.reported = step.on_cut == "report"
        known.marked = known.attempts
        then = "its effect is unknown" if known.reported else "it is run again"
        await self._store.append([self._interrupted(step, known, then)])
        crash_point("cut_marked")

    async def _book_cut(self, step: Step, known: Known, usd: Decimal) -> None:
        """A model call was cut at a limit: nobody says what it cost, so that the most it can have cost is booked."""
        async with self._allowance.booking(usd) as booked:
            known.marked = known.attempts
            event = self._interrupted(step, known, "what it can have cost at most is booked")
            event.contents.update(acus=booked.acus / MICRO, usd=str(usd))
            await self._store.append([event], booked=booked, use=booked.use())

    def _interrupted(self, step: Step, known: Known, then: str) -> NewEvent:
        contents = {"key": step.key, "title": step.title, "attempt": known.attempts, "reported": known.reported}
        return NewEvent(f"{step.type}_interrupted", step.category, f"Interrupted: {step.title}; {then}", contents)

    def _within_budget(self, worst_case: Decimal) -> float | None:
        """Seconds that the limit leaves for the step, or the session sleeps."""
        seconds = self._meter.affordable_seconds(worst_case)
        if seconds is not None and seconds <= 0:
            used, name = self._meter.consumed / MICRO, self._meter.limit_name
            raise Limit(
                Detail.USAGE_LIMIT_EXCEEDED,
                f"The {name} is {self._meter.limit} ACUs; {used:.4f} are used, and the next step could exceed it. "
                f"{GO_ON[name]}",
            )
        return seconds

    async def _act(
        self, step: Step, action: Callable[[Steps], Awaitable[Priced]], attempt: int, seconds: float | None
    ) -> Priced:
        async def write(text: str) -> None:
            contents = {"step": step.key, "output": text}
            await self._store.append([NewEvent(f"{step.type}_output", step.category, text.strip()[-200:], contents)])

        output = LiveOutput(self._store.redactor, write)
        done: Priced | None = None
        try:
            async with output, asyncio.timeout(seconds) as budget:
                with self._allowance.bounding(budget):
                    done = await action(Running(step.key, attempt, output))
            return done
        except Suspend:
            raise
        except Exception as error:
            if done is not None:  # the output could not be shown; what was done, and its price, stand all the same
                log.warning("output_not_shown", session_id=self.task.session_id, error=type(error).__name__)
                return done
            if isinstance(error, TimeoutError) and budget.expired():
                self._allowance.check(step.title)
                name = self._meter.limit_name
                reason = f"The {name}, {self._meter.limit} ACUs, was reached during: {step.title}. {GO_ON[name]}"
                raise Limit(Detail.USAGE_LIMIT_EXCEEDED, reason) from None
            said = self.redact(f"{error.__class__.__name__}: {error}")
            return StepResult({"error": said[:4000]}, ok=False), Decimal(0)

    async def _complete(
        self, step: Step, known: Known, result: StepResult, usd: Decimal, seconds: float, attempt: int
    ) -> StepOutcome:
        async with self._allowance.booking(usd) as booked:
            return await self._complete_booked(step, known, result, booked, seconds, attempt)

    async def _complete_booked(
        self, step: Step, known: Known, result: StepResult, booked: Booked, seconds: float, attempt: int
    ) -> StepOutcome:
        contents = result.contents | {
            "key": step.key, "title": step.title, "attempt": attempt, "ok": result.ok,
            "seconds": round(seconds, 3), "acus": booked.acus / MICRO,
        }  # fmt: skip
        if not step.effects and step.input:
            contents["input"] = step.input
        summary = result.summary or (step.title if result.ok else f"Failed: {step.title}")
        event = NewEvent(f"{step.type}_completed", step.category, summary, contents)
        also = await scanning.of_step(self._store, self._workspace, contents)
        use = booked.use(contents if step.type in {"model_call", JUDGEMENT} else None)
        await self._store.append([event], booked=booked, use=use, also=also)
        self._watch.step(step.type, step.input, contents, seconds)
        crash_point("step_completed")
        known.attempts, known.completed = attempt, contents
        return StepOutcome(contents, result.ok, False, attempt=attempt)

    async def emit(
        self, event_type: str, category: str, summary: str, contents: Json, *, key: str | None = None
    ) -> None:
        """Append one event; with a key only once in the session's life."""
        if key is not None:
            known = self._journal.of(key)
            if known.completed is not None:
                return
            contents = contents | {"key": key}
            known.completed = contents
        await self._store.append([NewEvent(event_type, category, summary, contents)])

    async def say(self, message: str, *, key: str | None = None) -> None:
        """Write to the user."""
        await self.emit("devin_message", "message", message, {"message": message}, key=key)
        crash_point("said")

    async def user_messages(self) -> list[LogEvent]:
        """What the user wrote since the last call."""
        found = await self._store.messages_after(self.heard)
        if found:
            self.heard = found[-1].seq
        left = await self._guard.left_out(found)
        await self._tell_kept(left)
        told = [one for one in found if one not in left]
        for message in told:
            await self.bring(message)
        return told

    async def attachment(self, attachment_id: str) -> bytes | None:
        """As it was uploaded (see the seam)."""
        try:
            path = stored_file(self._store.runtime.settings.data, attachment_id)
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return None

    async def set_structured_output(self, value: Json) -> None:
        """Store the validated structured output."""
        clean = self._store.redactor.json(value)
        event = NewEvent("structured_output_updated", "other", "Structured output set", {"structured_output": clean})
        also = await scanning.of_report(self._store, self._workspace, clean)
        await self._store.append([event], structured_output=clean, also=also)

    async def search_code(
        self, query: str, kind: Kind, *, path: str | None, language: str | None, limit: int
    ) -> tuple[list[str], list[CodeHit]]:
        """Search the indexes of the session's repositories."""
        names = [one.name for one in self.task.checkouts]
        found = await search_code(self._store, names, Wanted(query, kind, limit, path, language))
        if found[0] and not self._has_searched:
            await self._store.append([], has_searched=True)
            self._has_searched = True
        return found

    async def commit_push(self, checkout: Checkout) -> str:
        """Push the work branch on the host side."""
        return await self._workspace.push(self.sandbox, checkout)

    async def open_pull_request(self, checkout: Checkout, title: str, body: str) -> PullRequest:
        """Push and open the pull request."""
        return await self._workspace.open_pull_request(self.sandbox, checkout, title, body)

    def redact(self, text: str) -> str:
        """The text without secrets."""
        return self._store.redactor.text(text)
