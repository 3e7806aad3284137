"""Approvals that the user is asked for: questions and answers are events like everything else."""

from collections.abc import Iterable
from dataclasses import dataclass

from cogmill.engine.agents.seam import LogEvent

REQUESTED = "approval_requested"
YES = frozenset({"approve", "approved", "yes", "y", "ok", "okay", "go", "go ahead", "lgtm"})
HOW = "Answer `approve` to let me. Any other answer declines, and I read it."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user answered."""

    is_yes: bool
    text: str
    seq: int = 0
    """Of the message."""


def answers(history: Iterable[LogEvent]) -> dict[str, Answer | None]:
    """By the key of what was asked for; None: not answered yet."""
    found: dict[str, Answer | None] = {}
    asked: list[str] = []
    for event in history:
        if event.event_type == REQUESTED:
            asked = [str(one) for one in event.contents["calls"]]
            found |= dict.fromkeys(asked)
        elif event.event_type == "user_message" and asked and "from_session_id" not in event.contents:
            text = str(event.contents.get("message") or "")
            answer = Answer(text.strip(" \t\n.!`'\"*").casefold() in YES, text, event.seq)
            found |= dict.fromkeys(asked, answer)
            asked = []
    return found
