"""Guardrails on what an agent is about to do: looked at before a step has any effect."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cogmill.access.context import Context
from cogmill.domain.guardrails import violations
from cogmill.domain.guardrails.prompts import VIOLATION, told
from cogmill.domain.guardrails.rules import Hit, Rule, Rules, rules_for
from cogmill.domain.guardrails.subjects import Subjects, of_prompt, of_step
from cogmill.domain.sessions.log import NewEvent
from cogmill.domain.sessions.states import RUNNING_DETAILS, Detail, Status
from cogmill.engine.agents.approvals import HOW, REQUESTED, Answer, answers
from cogmill.engine.agents.clipping import first_line
from cogmill.engine.agents.seam import Json, LogEvent, Suspend
from cogmill.engine.journal import Step
from cogmill.engine.store import Store
from cogmill.kit.faults import crash_point
from cogmill.kit.ids import event_id

_HEAD = ("tool", "tool_call_id", "call_key")
"""What the result of a tool call says of the call itself."""


Judge = Callable[[str, Rule, str], Awaitable[Hit | None]]
"""Of what, named by a key, whether a text goes against a rule by a model's judgement; the same answer every time."""
_SETTLED = frozenset(RUNNING_DETAILS - {Detail.WORKING})


class Asks(Suspend):
    """The user has to approve the step first; the session waits for that."""


@dataclass(slots=True)
class Guard:
    """For one run of one session."""

    store: Store
    history: Sequence[LogEvent]
    judge: Judge
    noted: dict[tuple[str, str], str] = field(default_factory=dict)
    """Event by step and guardrail, of what was written down."""
    answers: dict[str, Answer | None] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Messages that a rule has kept from the agent."""
    settled: int = 0
    """Up to where the agent has been told all that it may be told."""

    def __post_init__(self) -> None:
        self.answers = answers(self.history)
        for event in self.history:
            if event.event_type == VIOLATION:
                self.noted[event.contents["step"], event.contents["guardrail_id"]] = event.event_id
                if event.contents["action_taken"] == "blocked":
                    self.refused.add(event.contents["step"])
            if event.event_type == "status_changed" and _is_settled(event.contents):
                self.settled = event.seq

    async def refusal(self, step: Step) -> Json | None:
        """What the step is answered instead of being done; None when it may be done. Raises `Asks`."""
        subjects = of_step(step.type, step.input)
        if not subjects:
            return None
        rules, hits = await self._look(step.key, subjects)
        answer = self.answers.get(_asked(step))
        if answer is not None:
            await self._heard(step, answer)
        if (blocking := _first(hits, "block")) is not None:
            text = f"Refused by the guardrail “{blocking.rule.name}”. Do it in another way, or do without it."
            return await self._refuse(step, rules, hits, text)
        if answer is not None and not answer.is_yes:  # a no stays a no, whatever has become of the rule meanwhile
            return await self._refuse(step, rules, [], f"The user did not approve, and answered: {answer.text}")
        if (asking := _first(hits, "ask")) is not None:
            await self._approval(step, rules, hits, asking, answer)
        await self._note(step.key, rules, hits, [])
        return None

    async def left_out(self, messages: Sequence[LogEvent]) -> list[LogEvent]:
        """Those that the agent must not be told, by a model's judgement; what patterns refuse never comes so far."""
        if not messages:
            return []
        rules, found = await self._rules(), []
        for message in messages:
            key, subjects = f"message:{message.seq}", of_prompt(str(message.contents.get("message") or ""))
            if message.seq > self.settled and key not in self.refused:
                hits = [hit for one in rules.to_judge(subjects) if (hit := await self.judge(key, *one)) is not None]
                await self._note(key, rules, hits, [])
                self.refused |= {key for hit in hits if hit.rule.action != "warn"}
            if key in self.refused:
                found.append(message)
        return found

    async def _rules(self) -> Rules:
        remembered = self.store.runtime.guardrails
        org_id: str = self.store.row.org_id
        rules: Rules | None = remembered.peek(org_id)
        if rules is None:
            rules = await self.store.read(lambda ctx: rules_for(ctx, org_id))
        return rules

    async def _look(self, key: str, subjects: Subjects) -> tuple[Rules, list[Hit]]:
        """What goes against patterns, and by judgement where those do not refuse it anyway."""
        rules = await self._rules()
        hits = rules.hits(subjects)
        if _first(hits, "block") is None:
            judged = [await self.judge(key, *one) for one in rules.to_judge(subjects)]
            hits += [one for one in judged if one is not None]
        return rules, hits

    async def _approval(self, step: Step, rules: Rules, hits: list[Hit], asking: Hit, answer: Answer | None) -> None:
        """Nothing more is to be asked; or else raises `Asks`. A yes is none to a rule that came after the question."""
        new = [hit for hit in hits if hit.rule.action == "ask" and (step.key, hit.rule.guardrail_id) not in self.noted]
        if answer is not None and not new:
            return
        if answer is not None or _asked(step) not in self.answers:
            await self._ask(step, rules, hits, new or [asking])
        raise Asks

    async def _heard(self, step: Step, answer: Answer) -> None:
        """Write the answer into what was asked."""
        ids = [event for (key, _), event in self.noted.items() if key == step.key]
        await self.store.fenced(lambda ctx: self._answered(ctx, ids, is_yes=answer.is_yes))

    def _answered(self, ctx: Context, ids: list[str], *, is_yes: bool) -> None:
        for one in ids:
            violations.answered(ctx, self.store.row.session_id, one, is_yes=is_yes)

    async def _ask(self, step: Step, rules: Rules, hits: list[Hit], asking: list[Hit]) -> None:
        names = ", ".join(f"“{one.rule.name}”" for one in asking)
        who = f"The guardrail {names} wants" if len(asking) == 1 else f"The guardrails {names} want"
        shown = "\n".join(dict.fromkeys(rules.without_secrets(one.text) for one in asking))
        question = f"May I do this? {who} you to decide.\n\n{_fenced(shown)}\n\n{HOW}"
        summary = f"Asks for approval: {first_line(step.title, 100)}"
        events = [
            NewEvent("devin_message", "message", question, {"message": question}),
            NewEvent(
                REQUESTED, "other", summary, {"calls": [_asked(step)], "guardrail_id": asking[0].rule.guardrail_id}
            ),
        ]
        await self._note(step.key, rules, hits, events)
        crash_point("guardrail_asked")
        self.answers[_asked(step)] = None

    async def _refuse(self, step: Step, rules: Rules, hits: list[Hit], text: str) -> Json:
        head = {name: step.input[name] for name in _HEAD if name in step.input}
        contents: Json = {
            **head, "error": text, "key": step.key, "title": step.title, "attempt": 1, "ok": False, "seconds": 0.0,
            "acus": 0.0,
        }  # fmt: skip
        event = NewEvent(f"{step.type}_completed", step.category, f"Refused: {step.title}", contents)
        await self._note(step.key, rules, hits, [event])
        crash_point("guardrail_refused")
        return contents

    async def _note(self, key: str, rules: Rules, hits: list[Hit], more: list[NewEvent]) -> None:
        """Write down what was not written down yet, together with what follows from it."""
        new = [hit for hit in hits if (key, hit.rule.guardrail_id) not in self.noted]
        events = [NewEvent(VIOLATION, "other", *told(rules, hit, key)) for hit in new] + more
        if not events:
            return
        row, message = self.store.row, self.store.redactor.text(self._last_message())
        shown = [replace(hit, text=self.store.redactor.text(hit.text)) for hit in new]

        def also(ctx: Context, last: int) -> list[str]:
            first = last - len(events) + 1
            ids = [event_id(row.session_id, first + number) for number in range(len(new))]
            for hit, one in zip(shown, ids, strict=True):
                violations.record(ctx, violations.Place(row.org_id, row.session_id, one), rules, hit, message)
            return ids

        ids = await self.store.append_with(events, also)
        self.noted |= {(key, hit.rule.guardrail_id): one for hit, one in zip(new, ids, strict=True)}

    def _last_message(self) -> str:
        said = (event.contents.get("message") for event in reversed(self.history) if event.event_type == "user_message")
        return str(next(said, None) or self.store.row.prompt)


def _asked(step: Step) -> str:
    """The key of what is asked about it."""
    return f"guardrail:{step.key}"


def _is_settled(status: Mapping[str, Any]) -> bool:
    return status.get("status_detail") in _SETTLED or status.get("status") == Status.SUSPENDED


def _first(hits: list[Hit], action: str) -> Hit | None:
    return next((hit for hit in hits if hit.rule.action == action), None)


def _fenced(text: str) -> str:
    return f"```\n{text}\n```"
