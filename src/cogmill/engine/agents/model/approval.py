"""Approvals that the user gives before certain tools run: asked for and answered in the log, like everything else."""

from collections.abc import Sequence
from dataclasses import dataclass

from cogmill.engine.agents.model.calls import Call
from cogmill.engine.agents.model.tools.table import TOOLS
from cogmill.engine.agents.seam import LogEvent, Turn

REQUESTED = "approval_requested"
YES = frozenset({"approve", "approved", "yes", "y", "ok", "okay", "go", "go ahead", "lgtm"})
_HOW = "Answer `approve` to let me. Any other answer declines, and I read it."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user answered."""

    is_yes: bool
    text: str


def wishes(calls: Sequence[Call]) -> list[Call]:
    """Those that the user has to approve."""
    return [one for one in calls if one.problem is None and one.name in TOOLS and TOOLS[one.name].approval is not None]


def answers(history: Sequence[LogEvent]) -> dict[str, Answer | None]:
    """By the key of the call, of all that was asked for; None: not answered yet."""
    found: dict[str, Answer | None] = {}
    asked: list[str] = []
    for event in history:
        if event.event_type == REQUESTED:
            asked = [str(one) for one in event.contents["calls"]]
            found |= dict.fromkeys(asked)
        elif event.event_type == "user_message" and asked and "from_session_id" not in event.contents:
            text = str(event.contents.get("message") or "")
            answer = Answer(text.strip(" \t\n.!`'\"*").casefold() in YES, text)
            found |= dict.fromkeys(asked, answer)
            asked = []
    return found


async def ask(turn: Turn, number: int, calls: Sequence[Call]) -> None:
    """Put the question to the user, once."""
    texts = [wish(one.args) for one in calls if (wish := TOOLS[one.name].approval) is not None]
    text = "\n\n".join(["May I do this?", *texts, _HOW])
    await turn.say(text, key=f"approval-question-{number}")
    summary = f"Asks for approval of {len(texts)} action{'s' if len(texts) > 1 else ''}"
    await turn.emit(REQUESTED, "other", summary, {"calls": [one.key for one in calls]}, key=f"approval-{number}")
