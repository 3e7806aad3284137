"""Reads the model's serialised answers: text, tool calls, and the answers of tools that need no step."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cogmill.engine.agents.model.tools.control import schema_problems
from cogmill.engine.agents.model.tools.table import CONTROL, TOOLS
from cogmill.engine.agents.seam import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of the model."""

    key: str
    """Key of its step. By position: some providers use the same call id again and again."""
    call_id: str
    name: str
    args: Any
    """Checked arguments, None when there is a problem."""
    problem: str | None
    """Why the call cannot be carried out."""


def text_of_response(response: Json) -> str:
    texts = [str(part.get("content") or "") for part in response.get("parts", ()) if part.get("part_kind") == "text"]
    return "\n\n".join(text.strip() for text in texts if text.strip())


def calls_of(number: int, response: Json) -> list[Call]:
    parts = [part for part in response.get("parts", ()) if part.get("part_kind") == "tool-call"]
    hint = " Your answer was too long and was cut off; do it in smaller parts." if is_cut_off(response) else ""
    return [_call(f"call-{number}-{index}", part, hint) for index, part in enumerate(parts, 1)]


def is_cut_off(response: Json) -> bool:
    """Whether the provider ended the answer because it had become too long."""
    return response.get("finish_reason") == "length"


def _call(key: str, part: Json, hint: str) -> Call:
    name, call_id = str(part.get("tool_name") or ""), str(part.get("tool_call_id") or key)
    tool = TOOLS.get(name) or CONTROL.get(name)
    if tool is None:
        known = ", ".join([*TOOLS, *CONTROL])
        return Call(key, call_id, name, None, f"There is no tool {name}; there are: {known}.")
    raw = part.get("args")
    try:
        given = json.loads(raw or "{}") if isinstance(raw, str | None) else raw
    except ValueError as problem:
        return Call(key, call_id, name, None, f"The arguments are not valid JSON: {problem}.{hint}")
    try:
        return Call(key, call_id, name, tool.arguments.model_validate(given), None)
    except ValidationError as problem:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in problem.errors()]
        return Call(key, call_id, name, None, f"Wrong arguments: {'; '.join(lines[:8])}.{hint}")


def control_answer(call: Call, schema: Json | None, blocked: str | None, *, may_always: bool) -> str:
    """The answer to a call that runs nothing; the same one however often it is asked for."""
    if call.problem is not None:
        return f"error: {call.problem}"
    if call.name == "structured_output":
        problem = schema_problems(schema, call.args.output)
        return f"error: {problem}" if problem else "The structured output is stored."
    if call.name == "finish":
        return f"error: Not finished: {blocked}" if blocked else "The turn has ended."
    if call.name == "ask_approval":
        return (
            "The user has approved such things beforehand: go on." if may_always else "The user was asked; see below."
        )
    if call.name == "ask_user":
        return "The question was shown to the user, whose answer follows."
    return "The plan is shown to the user."
