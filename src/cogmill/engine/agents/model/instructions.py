"""The system prompt with the facts of a session, and the user's task as the model's first message."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from cogmill.engine.agents.clipping import clip, cut_line
from cogmill.engine.agents.model.modes import persona
from cogmill.engine.agents.model.tools.seam import base_folder
from cogmill.engine.agents.playbook_sections import rules_of
from cogmill.engine.agents.seam import Knowledge, Task

LEAST_OF_NOTE = 200
"""Characters of a note below which showing it makes no sense."""


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
    if task.session_links:
        facts.append(f"- The user points at these other sessions: {', '.join(task.session_links)}.")
    if task.secrets:
        facts.append(
            f"- Secrets are in the environment of every command, never in files: {', '.join(task.secrets)}. "
            "Do not print or commit them; one-time codes are fresh in each command."
        )
    if task.structured_output_schema is not None:
        need = "must" if task.structured_output_required else "can"
        facts.append(f"- The result {need} also be given as data with structured_output before you finish.")
    text = f"\nYour part in this session:\n{part}\n" if (part := persona(task)) else ""
    text += "\nThis session:\n" + "\n".join(facts) if facts else ""
    if task.environment:
        text += (
            "\n\nThe environment of this session was built beforehand. Its blueprints say:\n"
            f"<environment>\n{task.environment}\n</environment>"
        )
    # Plain replacement: the prompt may hold braces.
    known = {"{start}": "/workspace", "{base}": base_folder(task), "{facts}": text}
    prompt = _template()[1]
    for mark, value in known.items():
        prompt = prompt.replace(mark, value)
    return prompt.strip()


def first_message(task: Task, room: int) -> str:
    """The task, notes of at most `room` characters, and the playbook. The same text for the whole session."""
    parts = [task.prompt]
    if task.review:
        parts.append(task.review)
    if task.knowledge:
        parts.append(_knowledge(task.knowledge, room))
    if task.playbook:
        rules = "".join(f"\n- {rule}" for rule in rules_of(task.playbook))
        parts.append(f"Follow this playbook:\n<playbook>\n{task.playbook.strip()}\n</playbook>{rules}")
    return "\n\n".join(parts)


def _knowledge(notes: Sequence[Knowledge], room: int) -> str:
    lines = ["Notes of this organization for such tasks; keep to them where they apply:", "<knowledge>"]
    left_out = []
    for note in notes:
        if room < LEAST_OF_NOTE:
            left_out.append(note.name)
            continue
        body = clip(note.body.strip(), room)
        room -= len(body)
        lines.append(f"<note>\n# {note.name} ({note.why})\n{body}\n</note>")
    if left_out:
        lines.append(f"(No room for the notes: {cut_line(', '.join(left_out), 500)})")
    return "\n".join([*lines, "</knowledge>"])
