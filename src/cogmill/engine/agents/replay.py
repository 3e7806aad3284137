"""Plays a recorded model conversation through the model agent: the words are recorded, the tools really run."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from cogmill.engine.agents.clipping import first_line
from cogmill.engine.agents.model.agent import ModelAgent
from cogmill.engine.agents.model.compaction import answer_limit
from cogmill.engine.agents.model.conversation import Conversation, Exchange
from cogmill.engine.agents.model.tools.table import TOOLS, render
from cogmill.engine.agents.model.wire import Backend, ModelFailure, Reply, Request
from cogmill.engine.agents.pricing import GivenPrices, Prices
from cogmill.engine.agents.seam import Json, LogEvent, ModelSettings, Turn, TurnEnd

FORMAT, VERSION = "cogmill-recording", 1

_VARIES = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"\bPull request #\d+"), "Pull request #"),
    (re.compile(r"https?://[^\s\"'<>)]+"), "<url>"),
    (re.compile(r"\bdevin[-/](?:devin-)?[0-9a-f]{6,32}\b"), "<session>"),
    (re.compile(r"\bcogmill/[0-9a-f]{8}(?:-[a-z0-9-]*)?"), "<branch>"),
    (re.compile(r"(?:/var)?/tmp/[^\s:,'\")]+"), "<temporary>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s*(?:ms|s|sec|secs|seconds?|minutes?)\b"), "<duration>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b|\b[0-9a-f]{10,64}\b"), "<hash>"),
    (re.compile(r"0x[0-9a-f]+"), "<address>"),
    (re.compile(r"\s+"), " "),
)


class RecordingError(ValueError):
    """The file is not a recording this version can play."""


def load(path: Path) -> Json:
    try:
        recording = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise RecordingError(f"The recording {path.name} cannot be read: {problem}") from None
    if not isinstance(recording, dict) or recording.get("format") != FORMAT:
        raise RecordingError(f"{path.name} is not a {FORMAT} file.")
    if recording.get("version") != VERSION:
        raise RecordingError(f"{path.name} has version {recording.get('version')}; this server plays {VERSION}.")
    turns = recording.get("turns")
    if not isinstance(turns, list) or not all(isinstance(one, dict) and "response" in one for one in turns):
        raise RecordingError(f"{path.name} holds no list of turns with responses.")
    return recording


def record(history: Sequence[LogEvent], prompt: str | None = None) -> Json:
    """A recording of a session's log: every answer of the model and what its tools gave back."""
    turns: list[Json] = []
    model = "unknown"
    for event in history:
        contents = event.contents
        if event.event_type == "user_message" and prompt is None:
            prompt = str(contents.get("message") or "")
        elif event.event_type == "model_call_completed" and "response" in contents:
            model = str(contents.get("model") or model)
            turns.append({"response": contents["response"], "tool_results": {}})
        elif event.event_type.endswith("_completed") and "call_key" in contents and turns:
            text = render(str(contents.get("tool")), contents, _LIMIT)
            turns[-1]["tool_results"][str(contents["tool_call_id"])] = text
    return {"format": FORMAT, "version": VERSION, "model": model, "prompt": prompt or "", "turns": turns}


def same(recorded: str, real: str) -> bool:
    """Whether two results differ only in what differs between any two runs."""
    return _normal(recorded) == _normal(real)


def _normal(text: str) -> str:
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text.strip()


class ReplayAgent(ModelAgent):
    """The model agent with a recording in the model's place; costs nothing."""

    name = "replay"

    def __init__(self) -> None:
        super().__init__(ModelSettings("recording"))
        self._recording: Json = {"turns": [], "model": "unknown"}

    async def run(self, turn: Turn) -> TurnEnd:
        if turn.task.recording is None:
            return TurnEnd("failed", "The replay agent needs a recording, and this session has none.")
        try:
            self._recording = await asyncio.to_thread(load, turn.task.recording)
        except RecordingError as problem:
            return TurnEnd("failed", str(problem))
        return await super().run(turn)

    async def connect(self, turn: Turn) -> Backend:
        recorded = str(self._recording.get("prompt") or "").strip()
        if recorded and recorded != turn.task.prompt.strip():
            contents = {"what": "prompt", "recorded": recorded, "real": turn.task.prompt}
            summary = "The recording was made for another prompt"
            await turn.emit("replay_divergence", "other", summary, contents, key="divergence-prompt")
        return RecordedModel(self._recording)

    def prices(self) -> Prices:
        return GivenPrices(Decimal(0), Decimal(0))

    async def settled(self, turn: Turn, exchange: Exchange) -> None:
        for index, (call, name, recorded, real) in enumerate(self._divergences(exchange), 1):
            summary = f"{name} gave something else than recorded: {_first_difference(recorded, real)}"
            contents = {"tool": name, "tool_call_id": call, "recorded": recorded, "real": real}
            key = f"divergence-{exchange.number}-{index}"
            await turn.emit("replay_divergence", "other", first_line(summary, 200), contents, key=key)

    def postscript(self, conversation: Conversation) -> str:
        diverged = sum(len(self._divergences(exchange)) for exchange in conversation.exchanges)
        calls = sum(call.name in TOOLS for exchange in conversation.exchanges for call in exchange.calls)
        told = f"{diverged} of {calls} results differ" if diverged else f"all {calls} results are as recorded"
        model = self._recording.get("model") or "unknown"
        return (
            f"Replay: the model's words come from a recording ({model}); commands, edits, tests and git really ran "
            f"now, and {told}."
        )

    def _divergences(self, exchange: Exchange) -> list[tuple[str, str, str, str]]:
        turns = self._recording["turns"]
        if exchange.number > len(turns):
            return []
        recorded: dict[str, Any] = turns[exchange.number - 1].get("tool_results") or {}
        return [
            (call.call_id, call.name, str(recorded[call.call_id]), answer.text)
            for call in exchange.calls
            if (answer := exchange.answers.get(call.key)) and call.call_id in recorded
            if not same(str(recorded[call.call_id]), answer.text)
        ]


class RecordedModel:
    """A backend that answers the n-th request with the n-th recorded response."""

    def __init__(self, recording: Json) -> None:
        self._turns: list[Json] = recording["turns"]

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Reply:
        if request.number > len(self._turns):
            text = f"The recording has ended: it holds {len(self._turns)} answers, and all have been played."
            raise ModelFailure("rejected", text)
        response: Json = self._turns[request.number - 1]["response"]
        for part in response.get("parts", ()):
            if part.get("part_kind") == "text":
                on_text(str(part.get("content") or ""))
        return Reply(response, {"input_tokens": 0, "output_tokens": 0, "free": True})


_LIMIT = answer_limit(ModelSettings("recording").context_tokens)


def _first_difference(recorded: str, real: str) -> str:
    then, now = recorded.splitlines(), real.splitlines()
    for index in range(max(len(then), len(now))):
        one = then[index] if index < len(then) else "(nothing)"
        other = now[index] if index < len(now) else "(nothing)"
        if not same(one, other):
            return f"“{first_line(other, 60)}” instead of “{first_line(one, 60)}”"
    return "the lines are in another order"
