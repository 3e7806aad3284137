"""All tools of the model agent by name, and how their stored results read."""

from typing import Any

from pydantic import BaseModel

from cogmill.engine.agents.clipping import clip
from cogmill.engine.agents.model.tools.code import CODE_TOOLS
from cogmill.engine.agents.model.tools.control import CONTROLS, structured_parameters
from cogmill.engine.agents.model.tools.files import FILE_TOOLS
from cogmill.engine.agents.model.tools.git import GIT_TOOLS
from cogmill.engine.agents.model.tools.seam import Control, Tool
from cogmill.engine.agents.model.tools.sessions import (
    LEADING_TOOLS,
    NOTE_TOOLS,
    PLAYBOOK_TOOLS,
    READING_TOOLS,
    offered,
)
from cogmill.engine.agents.model.tools.shell import SHELL_TOOLS
from cogmill.engine.agents.model.wire import ToolSpec
from cogmill.engine.agents.seam import Json, Task

ALWAYS = (*SHELL_TOOLS, *FILE_TOOLS, *CODE_TOOLS, *GIT_TOOLS)
TOOLS: dict[str, Tool] = {
    tool.name: tool for tool in (*ALWAYS, *LEADING_TOOLS, *READING_TOOLS, *PLAYBOOK_TOOLS, *NOTE_TOOLS)
}
CONTROL: dict[str, Control] = {control.name: control for control in CONTROLS}


def specifications(task: Task) -> list[ToolSpec]:
    """The tools offered in this session; the same list in every request, which keeps provider caches warm."""
    shown: list[Tool | Control] = [*ALWAYS, *offered(task)]
    shown += [control for control in CONTROLS if control.name != "structured_output"]
    specs = [ToolSpec(tool.name, tool.description, parameters(tool.arguments)) for tool in shown]
    if task.structured_output_schema is not None:
        control = CONTROL["structured_output"]
        schema = structured_parameters(task.structured_output_schema)
        specs.append(ToolSpec(control.name, control.description, schema))
    return specs


def parameters(arguments: type[BaseModel]) -> Json:
    schema = arguments.model_json_schema()
    _strip_titles(schema)
    schema.pop("description", None)
    return schema


def _strip_titles(node: Any) -> None:
    # Generated titles repeat the names and only cost tokens.
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for name, child in node.items():
            if name == "properties" and isinstance(child, dict):
                for inner in child.values():
                    _strip_titles(inner)
            else:
                _strip_titles(child)
    elif isinstance(node, list):
        for child in node:
            _strip_titles(child)


def render(name: str, contents: Json, limit: int) -> str:
    """The stored result of a tool as the model reads it."""
    if "error" in contents:
        return f"error: {clip(str(contents['error']), limit)}"
    tool = TOOLS.get(name)
    if tool is None:
        return f"error: there is no tool {name} any more"
    return clip(tool.render(contents), limit)
