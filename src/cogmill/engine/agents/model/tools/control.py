"""Tools that need no sandbox: plan, question, structured output, end. Their answers follow from arguments and task."""

import json
from typing import Any

from cogmill.engine.agents.model.arguments import AskApproval, AskUser, Finish, StructuredOutput, UpdatePlan
from cogmill.engine.agents.model.tools.schema import Unusable, problems
from cogmill.engine.agents.model.tools.seam import Control
from cogmill.engine.agents.seam import Json, StepResult, Steps, Turn

CONTROLS = (
    Control("update_plan", "Show the user your plan; send the whole list each time.", UpdatePlan),
    Control("ask_user", "Ask the user and wait for the answer. Only for what you cannot find out yourself.", AskUser),
    Control(
        "ask_approval",
        "Ask the user whether you may do something that is costly or cannot be undone, and wait for the answer.",
        AskApproval,
    ),
    Control("structured_output", "Give the result as data in the form that the user asked for.", StructuredOutput),
    Control("finish", "End the task. Call it alone, when everything is done and checked.", Finish),
)


def structured_parameters(schema: Json | None) -> Json:
    """Parameters of `structured_output`: the user's schema, unless it refers to parts of itself by absolute path."""
    if schema is None or "$ref" in json.dumps(schema):
        described = {"description": f"Must match this JSON schema: {json.dumps(schema)}"} if schema else {}
        return {"type": "object", "properties": {"output": described}, "required": ["output"]}
    inner = {key: value for key, value in schema.items() if key != "$schema"}
    return {"type": "object", "properties": {"output": inner}, "required": ["output"]}


def schema_problems(schema: Json | None, value: Any) -> str | None:
    """What keeps the value from being the session's structured output; None when nothing does."""
    if schema is None:
        return "This session did not ask for structured output."
    try:
        lines = problems(schema, value)
    except Unusable as problem:
        return f"The session's own schema cannot be used: {problem}."
    if not lines:
        return None
    return "The output does not match the schema; correct it and call structured_output again:\n" + "\n".join(lines)


async def announce(turn: Turn, key: str, asked: Any) -> None:
    """Tell log and session of a plan or a structured output: once, however often the call is answered again."""
    if isinstance(asked, UpdatePlan):
        items = [item.model_dump() for item in asked.items]
        done = sum(item.status == "done" for item in asked.items)
        await turn.emit("todo_updated", "todo", f"Plan: {done} of {len(items)} done", {"items": items}, key=key)
    elif isinstance(asked, StructuredOutput):

        async def store(_steps: Steps) -> StepResult:
            await turn.set_structured_output(asked.output)
            return StepResult({}, summary="Structured output given")

        await turn.step(key, "structured_output", "other", "Give structured output", store, effects=False)
