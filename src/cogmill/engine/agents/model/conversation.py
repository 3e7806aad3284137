"""The model's conversation, rebuilt from the session's log: which answers there are and what has to happen next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from cogmill.engine.agents.inbox import heard, text_of
from cogmill.engine.agents.model.calls import Call, calls_of, control_answer, is_cut_off, text_of_response
from cogmill.engine.agents.model.pictures import of_message
from cogmill.engine.agents.model.tools.table import CONTROL, TOOLS, render
from cogmill.engine.agents.model.wire import Picture, ToolAnswer
from cogmill.engine.agents.seam import Json, LogEvent, Task

INTERRUPTED = "interrupted: the server stopped while this ran; its effect is unknown; check before you repeat it"
_EMPTY = "Your last answer was empty. Go on with the task, or call finish when it is done."
_TOO_LONG = "Your last answer was too long and was cut off. Go on with the task, in smaller steps."
_NEEDS_OUTPUT = "This session needs structured output: call structured_output first, then finish."
_OWN_WORDS = {_EMPTY, _TOO_LONG, _NEEDS_OUTPUT}


@dataclass(slots=True)
class Exchange:
    """One answered request: what was said before it, the model's answer, the answers to its tool calls."""

    number: int
    said: list[str]
    through: int
    """Sequence number of the last user message that the model had seen."""
    response: Json
    input_tokens: int
    calls: list[Call]
    answers: dict[str, ToolAnswer] = field(default_factory=dict)
    """By key of the call."""
    pictures: list[Picture] = field(default_factory=list)
    """Those that came with what was said."""
    tokens: int = 0
    """Its size, kept by the compaction once nothing more comes."""

    @property
    def text(self) -> str:
        return text_of_response(self.response)

    def called(self, name: str) -> tuple[Call, ToolAnswer] | None:
        for call in self.calls:
            if call.name == name and call.key in self.answers:
                return call, self.answers[call.key]
        return None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the model ended its turn."""

    kind: Literal["finished", "asked", "approval"]
    text: str


class Conversation:
    """Everything follows from task and log; nothing is remembered elsewhere."""

    def __init__(self, task: Task, answer_limit: int) -> None:
        self.task = task
        self.exchanges: list[Exchange] = []
        self.waiting: list[LogEvent] = []
        """User messages that the model has not seen."""
        self.requests = 0
        """Model steps so far, failed ones included: the next one's key."""
        self.too_much: int | None = None
        """Estimated tokens of the shortest request that was too long for the model."""
        self.blind: set[str] = set()
        """Models that refused a request with pictures in it: they are shown no more of them."""
        self._answer_limit = answer_limit

    @classmethod
    def rebuild(cls, task: Task, history: Sequence[LogEvent], answer_limit: int) -> "Conversation":
        self = cls(task, answer_limit)
        self.waiting = heard(task, history)
        results = {
            str(event.contents["call_key"]): event.contents
            for event in history
            if event.event_type.endswith("_completed") and "call_key" in event.contents
        }
        for event in history:
            if event.event_type == "model_call_completed":
                self.take_response(event.contents)
                for call in self.pending():
                    if call.key in results:
                        self.answer_from(call, results[call.key])
        return self

    @property
    def last(self) -> Exchange | None:
        return self.exchanges[-1] if self.exchanges else None

    @property
    def through(self) -> int:
        """What the next request will have seen."""
        seen = self.last.through if self.last else 0
        return max([seen, *(event.seq for event in self.waiting)])

    def hear(self, messages: Sequence[LogEvent]) -> None:
        self.waiting.extend(messages)

    def take_response(self, contents: Json) -> None:
        """Contents of a finished model step, a failed one too."""
        self.requests += 1
        if contents.get("failure") == "context" and (shown := int(contents.get("shown_tokens") or 0)):
            self.too_much = min(shown, self.too_much or shown)
        if contents.get("failure") == "rejected" and contents.get("pictures"):
            self.blind.add(str(contents.get("model")))
        if "response" not in contents:
            return
        self._close()
        through = int(contents.get("through", 0))
        said, pictures = self.unseen(through), self.unseen_pictures(through)
        self.waiting = [event for event in self.waiting if event.seq > through]
        number = len(self.exchanges) + 1
        response = contents["response"]
        usage = contents.get("usage") or {}
        # An estimate of ours corrects no estimate: the error would grow with every answer.
        tokens = 0 if usage.get("estimated") else int(usage.get("input_tokens") or 0)
        self.exchanges.append(
            Exchange(number, said, through, response, tokens, calls_of(number, response), pictures=pictures)
        )

    def unseen(self, through: int | None = None) -> list[str]:
        """What the next request has to say before the model answers: a reminder, then new user messages."""
        said = [reminder] if (reminder := self.reminder()) else []
        return said + [text_of(event) for event in self.waiting if through is None or event.seq <= through]

    def unseen_pictures(self, through: int | None = None) -> list[Picture]:
        """What came with the new user messages."""
        told = [event for event in self.waiting if through is None or event.seq <= through]
        return [picture for event in told for picture in of_message(event)]

    def pending(self) -> list[Call]:
        return [call for call in self.last.calls if call.key not in self.last.answers] if self.last else []

    def answer_from(self, call: Call, contents: Json | None) -> ToolAnswer:
        """Store a tool's result; None: it was cut and nobody knows how far it came."""
        if contents is None:
            return self._store(call, INTERRUPTED, ok=False)
        ok = bool(contents.get("ok", "error" not in contents))
        return self._store(call, render(call.name, contents, self._answer_limit), ok=ok)

    def answer_control(self, call: Call) -> ToolAnswer | None:
        """Answer a call that needs no step: plan, question, end, or one that cannot be understood."""
        if call.problem is None and call.name in TOOLS:
            return None
        blocked = self._unfinished() if call.name == "finish" else None
        text = control_answer(call, self.task.structured_output_schema, blocked, may_always=self.task.bypass_approval)
        return self._store(call, text, ok=not text.startswith("error: "))

    def ending(self) -> Ending | None:
        """Set when the model has ended its turn and the user has said nothing since."""
        if self.last is None or self.waiting or self.pending():
            return None
        if (asked := self.last.called("ask_user")) and asked[1].ok:
            return Ending("asked", asked[0].args.question)
        if (wished := self.last.called("ask_approval")) and wished[1].ok and not self.task.bypass_approval:
            return Ending("approval", wished[0].args.action)
        if (finished := self.last.called("finish")) and finished[1].ok:
            return Ending("finished", finished[0].args.summary)
        if not self.last.calls and self.last.text and not self.reminder():
            return Ending("finished", self.last.text)
        return None

    def reminder(self) -> str | None:
        if self.last is None or self.last.calls:
            return None
        if is_cut_off(self.last.response):
            return _TOO_LONG
        if not self.last.text:
            return _EMPTY
        return _NEEDS_OUTPUT if self._lacks_output() else None

    def missteps(self) -> int:
        """How many answers in a row, up to now, broke the session's rules."""
        if self.waiting:
            return 0
        count = 0
        for exchange in reversed(self.exchanges):
            refused = [exchange.called(name) for name in ("finish", "structured_output")]
            silent = not exchange.calls
            if not silent and not any(found and not found[1].ok for found in refused):
                break
            count += 1
            if any(text not in _OWN_WORDS for text in exchange.said):
                break
        return count

    def since_user(self) -> int:
        """Requests since the user last said something."""
        count = 0
        for exchange in reversed(self.exchanges):
            count += 1
            if any(text not in _OWN_WORDS for text in exchange.said):
                break
        return 0 if self.waiting else count

    def plan(self, before: int) -> Json | None:
        """The plan as it stood before the exchange of that index."""
        for exchange in reversed(self.exchanges[:before]):
            if (found := exchange.called("update_plan")) and found[1].ok:
                items: Json = found[0].args.model_dump()
                return items
        return None

    def _close(self) -> None:
        # The model went on, so whatever has no answer by now was cut; pairs must be whole for every provider.
        for call in self.pending():
            if self.answer_control(call) is None:
                self.answer_from(call, None)

    def _store(self, call: Call, text: str, *, ok: bool) -> ToolAnswer:
        answer = ToolAnswer(call.call_id, call.name, text, ok)
        self.exchanges[-1].answers[call.key] = answer
        return answer

    def _lacks_output(self) -> bool:
        if not self.task.structured_output_required or self.task.structured_output_schema is None:
            return False
        found = (exchange.called("structured_output") for exchange in self.exchanges)
        return not any(one and one[1].ok for one in found)

    def _unfinished(self) -> str | None:
        """Why `finish` does not count now."""
        if self._lacks_output():
            return _NEEDS_OUTPUT
        last = self.exchanges[-1]
        for call in last.calls:
            answer = last.answers.get(call.key)
            tool = TOOLS.get(call.name)
            matters = call.name in CONTROL or (tool is not None and tool.effects and call.name != "shell")
            if answer is not None and not answer.ok and matters:
                return f"{call.name} failed in the same answer; look at it first."
        return None
