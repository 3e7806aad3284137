"""The model agent: asks the model, runs the tools it calls, until it ends its turn. All state is in the log."""

import asyncio
import importlib
import json
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cogmill.engine.agents.approvals import Answer, answers
from cogmill.engine.agents.clipping import first_line
from cogmill.engine.agents.model.approval import ask, wishes
from cogmill.engine.agents.model.calls import Call, text_of_response
from cogmill.engine.agents.model.compaction import CHARACTERS_PER_TOKEN, View, answer_limit, shorter_window, view
from cogmill.engine.agents.model.conversation import Conversation, Ending, Exchange
from cogmill.engine.agents.model.instructions import first_message, prompt_version, system_prompt
from cogmill.engine.agents.model.retrying import RetryPolicy, complete
from cogmill.engine.agents.model.tools.control import announce
from cogmill.engine.agents.model.tools.seam import ToolProblem
from cogmill.engine.agents.model.tools.table import TOOLS, specifications
from cogmill.engine.agents.model.wire import Backend, ModelFailure, Reply, Request, ToolSpec
from cogmill.engine.agents.pricing import Prices, PriceUnknown, prices_for, worst_case
from cogmill.engine.agents.seam import Json, ModelSettings, Price, StepResult, Steps, Suspend, Task, Turn, TurnEnd
from cogmill.kit.logs import logger

log = logger("agent")
MAX_MISSTEPS = 4
MAX_REPEATS = 3
_RESUME = "Nothing is lost: write a message, or resume the session, to go on from here."


class ModelAgent:
    """One turn of the built-in coding agent."""

    name = "model"

    def __init__(self, settings: ModelSettings, *, retries: RetryPolicy | None = None) -> None:
        self.settings = settings
        self._retries = retries or RetryPolicy(attempts=settings.attempts)
        self._repeats = 0
        self._stack = AsyncExitStack()
        self._backend: Backend | None = None
        self._constant: tuple[str, list[ToolSpec], str] = ("", [], "")
        self._answers: dict[str, Answer | None] = {}

    async def run(self, turn: Turn) -> TurnEnd:
        conversation = Conversation.rebuild(turn.task, turn.history, answer_limit(self.settings.context_tokens))
        try:
            async with self._stack:
                return await self._drive(turn, conversation)
        except ModelFailure as failure:
            return TurnEnd("failed", f"{failure.text} {_RESUME}")
        except PriceUnknown as problem:
            return TurnEnd("failed", str(problem))

    async def connect(self, turn: Turn) -> Backend:  # noqa: ARG002 - the replay agent needs the turn
        """Overridden by agents with other backends."""
        # Off the event loop: the import, price data and TLS certificates take seconds the first time.
        provider = await asyncio.to_thread(importlib.import_module, "cogmill.engine.agents.model.provider")
        made = await asyncio.to_thread(provider.ProviderBackend, self.settings)
        backend: Backend = await self._stack.enter_async_context(made)
        return backend

    def prices(self) -> Prices:
        return prices_for(self.settings)

    async def settled(self, turn: Turn, exchange: Exchange) -> None:
        """Called when every tool call of an answer has its result; perhaps again after a crash."""

    def postscript(self, conversation: Conversation) -> str | None:  # noqa: ARG002
        """What to add to the last words of a finished turn."""
        return None

    async def _drive(self, turn: Turn, conversation: Conversation) -> TurnEnd:
        while True:
            if not await self._may_go_on(turn, conversation):
                return TurnEnd("waiting_for_approval")
            for call in conversation.pending():
                await self._answer(turn, conversation, call)
            conversation.hear(await turn.user_messages())
            if conversation.last is not None:
                await self.settled(turn, conversation.last)
                await _say_text(turn, conversation, conversation.last)
            if ending := conversation.ending():
                return await self._end(turn, conversation, ending)
            if problem := self._stuck(conversation):
                return TurnEnd("failed", f"{problem} Write a message to go on.")
            if problem := await self._ask(turn, conversation):
                return TurnEnd("failed", f"{problem} {_RESUME}")

    async def _may_go_on(self, turn: Turn, conversation: Conversation) -> bool:
        """Whether the user has answered all that has to be approved; asks for what was not asked for yet."""
        wished = [] if turn.task.bypass_approval else wishes(conversation.pending())
        self._answers = answers(turn.history) if wished else {}
        unanswered = [one for one in wished if self._answers.get(one.key) is None]
        if unanswered:
            await ask(turn, len(conversation.exchanges), unanswered)
        return not unanswered

    async def _end(self, turn: Turn, conversation: Conversation, ending: Ending) -> TurnEnd:
        number = len(conversation.exchanges)
        if ending.kind != "finished":
            await turn.say(ending.text, key=f"question-{number}")
            return TurnEnd("waiting_for_approval" if ending.kind == "approval" else "waiting_for_user")
        # Text without a tool call has been said already.
        words = [ending.text] if conversation.last and conversation.last.calls else []
        words += [extra] if (extra := self.postscript(conversation)) else []
        if words:
            await turn.say("\n\n".join(words), key=f"farewell-{number}")
        return TurnEnd("finished")

    def _stuck(self, conversation: Conversation) -> str | None:
        if conversation.missteps() >= MAX_MISSTEPS:
            return f"The model broke the session's rules {MAX_MISSTEPS} times in a row (see its last answers)."
        if conversation.since_user() >= self.settings.max_turn_requests:
            return f"The model has not finished after {self.settings.max_turn_requests} requests."
        return None

    async def _ask(self, turn: Turn, conversation: Conversation) -> str | None:
        """One request to the model; answers why it failed, None when it did not."""
        if self._backend is None:
            self._backend = await self.connect(turn)
            self._constant = _constant(turn.task)
        instructions, tools, _ = self._constant
        shown = self._view(conversation)
        request = Request(len(conversation.exchanges) + 1, instructions, shown.items, tools)
        action = _ModelAction(self, turn, self._backend, request, shown, conversation.through)
        worst = Price(worst_case(self.prices(), shown.most, self.settings.output_tokens))
        key = f"model-{conversation.requests + 1}"
        outcome = await turn.model_step(key, f"Ask {self.settings.name}", worst, action)
        conversation.take_response(outcome.contents)
        if outcome.ok and "response" in outcome.contents:
            self._repeats = 0
            return None
        failure = outcome.contents.get("failure")
        log.warning("model_failed", session_id=turn.task.session_id, model=self.settings.name, failure=failure)
        if await self._helps_to_repeat(conversation, outcome.contents, shown):
            return None
        return str(outcome.contents.get("error") or "The model could not be asked.")

    def _view(self, conversation: Conversation) -> View:
        limits = (self.settings.context_tokens, self.settings.output_tokens)
        if conversation.too_much:
            limits = shorter_window(conversation.too_much, *limits)
        # Not by a window found out later: the first message stays the same for the whole session.
        first = first_message(conversation.task, self.settings.context_tokens * CHARACTERS_PER_TOKEN // 4)
        return view(conversation, first, self._constant[2], *limits, self.settings.name)

    async def _helps_to_repeat(self, conversation: Conversation, contents: Json, shown: View) -> bool:
        """Whether a failed request is asked again, as a step of its own: what it cost is booked already."""
        self._repeats += 1
        if self._repeats >= MAX_REPEATS:
            return False
        if contents.get("failure") == "broken_off":
            await asyncio.sleep(self._retries.pause(self._repeats, None))
            return True
        if contents.get("failure") == "rejected" and contents.get("pictures"):
            return True  # without them; see Conversation.blind
        return contents.get("failure") == "context" and self._view(conversation).tokens < 0.9 * shown.tokens

    async def _answer(self, turn: Turn, conversation: Conversation, call: Call) -> None:
        if (answer := conversation.answer_control(call)) is not None:
            if answer.ok:
                await announce(turn, call.key, call.args)
            return
        tool = TOOLS[call.name]
        head: Json = {"tool": call.name, "tool_call_id": call.call_id, "call_key": call.key}

        async def action(steps: Steps) -> StepResult:
            try:
                if (answer := self._answers.get(call.key)) is not None and not answer.is_yes:
                    raise ToolProblem(f"The user did not approve, and answered: {answer.text}")
                done = await tool.run(turn, steps, call.args)
            except Suspend:
                raise
            except ToolProblem as problem:
                return StepResult({**head, "error": str(problem)}, summary=first_line(str(problem)), ok=False)
            except Exception as error:  # the model shall see it and go on
                text = f"{type(error).__name__}: {error}"
                return StepResult({**head, "error": text}, summary=first_line(text), ok=False)
            return replace(done, contents={**head, **done.contents})

        asked = {**head, **call.args.model_dump(exclude_none=True)}
        outcome = await turn.step(
            call.key, tool.type, tool.category, tool.title(call.args), action,
            input=asked, effects=tool.effects, on_cut=tool.on_cut,
        )  # fmt: skip
        contents = None if outcome.interrupted else {**outcome.contents, "ok": outcome.ok}
        conversation.answer_from(call, contents)


def _constant(task: Task) -> tuple[str, list[ToolSpec], str]:
    """What goes along with every request: instructions, tools, and both as one text to be measured."""
    instructions, tools = system_prompt(task), specifications(task)
    sent = [{"name": one.name, "description": one.description, "parameters": one.parameters} for one in tools]
    return instructions, tools, instructions + json.dumps(sent)


class _ModelAction:
    """The body of a `model_call` step."""

    def __init__(
        self, agent: ModelAgent, turn: Turn, backend: Backend, request: Request, shown: View, through: int
    ) -> None:
        self._agent, self._turn, self._backend, self._request = agent, turn, backend, request
        self._shown, self._through = shown, through

    async def __call__(self, steps: Steps) -> tuple[StepResult, Price]:
        began = time.monotonic()
        common: Json = {
            "model": self._agent.settings.name,
            "prompt_version": prompt_version(),
            "through": self._through,
            "condensed": self._shown.condensed,
        }
        if self._shown.pictures:
            common["pictures"] = len(self._shown.pictures)
        try:
            request = replace(self._request, files=await self._files())
            reply = await complete(self._backend, request, self._agent._retries, steps.output)
        except ModelFailure as failure:
            usd = Decimal(0)
            if failure.kind == "broken_off":
                counts = {"input_tokens": self._shown.tokens, "output_tokens": failure.written}
                usd = self._agent.prices().cost(counts)
            contents = {**common, "error": failure.text, "failure": failure.kind, "shown_tokens": self._shown.tokens}
            return StepResult({**contents, "usd": str(usd)}, summary=first_line(failure.text), ok=False), Price(usd)
        usage = _usage(reply, self._shown)
        usd = self._agent.prices().cost(usage)
        taken = round(time.monotonic() - began, 3)
        contents = {**common, "response": reply.response, "usage": usage, "usd": str(usd), "model_seconds": taken}
        return StepResult(contents, summary=_summary(reply.response)), Price(usd)

    async def _files(self) -> dict[str, bytes]:
        """The pictures' bytes, for this request only: they are stored with the attachments and nowhere else."""
        ids = {picture.attachment_id for picture in self._shown.pictures}
        found = {one: await self._turn.attachment(one) for one in ids}
        return {one: content for one, content in found.items() if content is not None}


def _usage(reply: Reply, shown: View) -> Json:
    """What the provider reported; our own estimate when it reported nothing, as some local servers do."""
    if reply.usage.get("input_tokens") or reply.usage.get("output_tokens") or "free" in reply.usage:
        return {name: count for name, count in reply.usage.items() if name != "free"}
    written = sum(len(str(part)) for part in reply.response.get("parts", ()))
    return {"input_tokens": shown.tokens, "output_tokens": written // CHARACTERS_PER_TOKEN, "estimated": True}


def _summary(response: Json) -> str:
    if text := text_of_response(response):
        return first_line(text, 160)
    names: list[Any] = [part.get("tool_name") for part in response["parts"] if part.get("part_kind") == "tool-call"]
    return f"Calls {', '.join(map(str, names))}" if names else "Empty answer"


async def _say_text(turn: Turn, conversation: Conversation, exchange: Exchange) -> None:
    if exchange.text and not exchange.calls and conversation.reminder() is None:
        await turn.say(exchange.text, key=f"text-{exchange.number}")
