"""The system prompt with the facts of a session, and the user's task as the model's first message."""

import re
from functools import cache
from importlib.resources import files

from cogmill.engine.agents.model.tools.seam import base_folder
from cogmill.engine.agents.playbook_sections import rules_of
from cogmill.engine.agents.seam import Task


@cache
def _template() -> tuple[str, str]:
    text = files("cogmill.engine.agents.model").joinpath("system_prompt.md").read_text("utf-8")
    first, _, rest = text.partition("\n")
    found = re.fullmatch(r"<!-- version: (\S+) -->", first.strip())
    if not found:
        raise RuntimeError("system_prompt.md does not begin with its version")
    return found[1], rest


def prompt_version() -> str:
    return _template()[0]


def system_prompt(task: Task) -> str:
    """The same text for the whole session: providers cache it."""
    facts = [
        f"- {one.name} is checked out at {one.path} on branch {one.work_branch}, which started from {one.base_branch}."
        for one in task.checkouts
    ]
    facts += [f"- The user attached {one.path} ({one.content_type})." for one in task.attachments]
    if task.secrets:
        facts.append(
            f"- Secrets are in the environment of every command, never in files: {', '.join(task.secrets)}. "
            "Do not print or commit them; one-time codes are fresh in each command."
        )
    if task.structured_output_schema is not None:
        need = "must" if task.structured_output_required else "can"
        facts.append(f"- The result {need} also be given as data with structured_output before you finish.")
    text = "\nThis session:\n" + "\n".join(facts) if facts else ""
    # Plain replacement: the prompt may hold braces.
    known = {"{start}": "/workspace", "{base}": base_folder(task), "{facts}": text}
    prompt = _template()[1]
    for mark, value in known.items():
        prompt = prompt.replace(mark, value)
    return prompt.strip()


def first_message(task: Task) -> str:
    if not task.playbook:
        return task.prompt
    rules = "".join(f"\n- {rule}" for rule in rules_of(task.playbook))
    return f"{task.prompt}\n\nFollow this playbook:\n<playbook>\n{task.playbook.strip()}\n</playbook>{rules}"
