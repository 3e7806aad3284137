"""Tools that the user has to approve before they run."""

from collections.abc import Sequence

from cogmill.engine.agents.approvals import HOW, REQUESTED
from cogmill.engine.agents.model.calls import Call
from cogmill.engine.agents.model.tools.table import TOOLS
from cogmill.engine.agents.seam import Turn


def wishes(calls: Sequence[Call]) -> list[Call]:
    """Those that the user has to approve."""
    return [one for one in calls if one.problem is None and one.name in TOOLS and TOOLS[one.name].approval is not None]


async def ask(turn: Turn, number: int, calls: Sequence[Call]) -> None:
    """Put the question to the user, once."""
    texts = [wish(one.args) for one in calls if (wish := TOOLS[one.name].approval) is not None]
    text = "\n\n".join(["May I do this?", *texts, HOW])
    await turn.say(text, key=f"approval-question-{number}")
    summary = f"Asks for approval of {len(texts)} action{'s' if len(texts) > 1 else ''}"
    await turn.emit(REQUESTED, "other", summary, {"calls": [one.key for one in calls]}, key=f"approval-{number}")
