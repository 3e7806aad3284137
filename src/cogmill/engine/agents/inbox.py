"""User messages of a session in order: those of the log first, then those that arrive while the turn runs."""

from collections.abc import Sequence

from cogmill.engine.agents.approvals import answers
from cogmill.engine.agents.seam import LogEvent, Task, Turn


def text_of(event: LogEvent) -> str:
    """The words of a user message, with the attachments that came with it."""
    text = str(event.contents.get("message") or "")
    files = event.contents.get("attachments") or ()
    paths = [str(one["path"]) for one in files if isinstance(one, dict) and "path" in one]
    return f"{text}\n\nAttached files: {', '.join(paths)}" if paths else text


def heard(task: Task, history: Sequence[LogEvent]) -> list[LogEvent]:
    """All user messages of the log but the prompt, which the log of a created session begins with."""
    messages = [event for event in history if event.event_type == "user_message"]
    # Not only by its text: redaction may have changed it.
    created = any(event.event_type == "session_created" for event in history[:1])
    if messages and (created or str(messages[0].contents.get("message") or "") == task.prompt):
        return messages[1:]
    return messages


class Inbox:
    """Hands out each message once, always in the same order, so that a crashed turn takes the same decisions again."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        approved = {one.seq for one in answers(turn.history).values() if one is not None and one.is_yes}
        # What only approved something has been heard by whoever asked.
        self._waiting = [one for one in heard(turn.task, turn.history) if one.seq not in approved]

    async def take(self) -> LogEvent | None:
        if not self._waiting:
            self._waiting.extend(await self._turn.user_messages())
        return self._waiting.pop(0) if self._waiting else None
