"""What a tool of the model agent is made of."""

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from cogmill.engine.agents.model.arguments import Arguments
from cogmill.engine.agents.seam import Checkout, Json, StepResult, Steps, Task, Turn


class ToolProblem(Exception):
    """The tool could not do it; the text tells the model why and what to try."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `render` turns the contents stored in the log into the text that the model reads."""

    name: str
    description: str
    arguments: type[Arguments]
    type: str
    category: str
    title: Callable[[Any], str]
    run: Callable[[Turn, Steps, Any], Awaitable[StepResult]]
    render: Callable[[Json], str]
    effects: bool = True
    on_cut: Literal["retry", "report"] = "retry"
    approval: Callable[[Any], str] | None = None
    """What the user is asked before it runs; None: nothing."""


@dataclass(frozen=True, slots=True)
class Control:
    """A tool without a step: its answer follows from its arguments alone, so nothing needs to be stored."""

    name: str
    description: str
    arguments: type[Arguments]


def base_folder(task: Task) -> str:
    """Where relative paths begin: the checkout when there is exactly one."""
    return task.checkouts[0].path if len(task.checkouts) == 1 else "/workspace"


def resolve(task: Task, path: str) -> str:
    return posixpath.normpath(posixpath.join(base_folder(task), path))


def pick_checkout(task: Task, repo: str | None) -> Checkout:
    if not task.checkouts:
        raise ToolProblem("No repository is checked out in this session.")
    if repo is None and len(task.checkouts) == 1:
        return task.checkouts[0]
    for checkout in task.checkouts:
        if repo in {checkout.name, checkout.name.rsplit("/", 1)[-1], checkout.path}:
            return checkout
    names = ", ".join(checkout.name for checkout in task.checkouts)
    raise ToolProblem(f"Name the repository; checked out are: {names}.")
