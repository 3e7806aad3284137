"""Which agent a session gets."""

import subprocess
import sys

import pytest

from cogmill.engine.agents.choose import UnknownAgent, choose, make_agent
from cogmill.engine.agents.seam import ModelSettings

BLOCK = "```sh\necho hi\n```"


@pytest.mark.parametrize(
    ("name", "text", "configured", "chosen"),
    [(None, BLOCK, False, "runbook"), (None, BLOCK, True, "model"), (None, "Fix it.", True, "model"),
     (None, "Fix it.", False, "unconfigured"), ("runbook", "Fix it.", True, "runbook"),
     ("replay", "Fix it.", False, "replay"), ("model", BLOCK, False, "unconfigured")],
)  # fmt: skip
def test_choice(name, text, configured, chosen):
    assert choose(name, text, configured) == chosen
    assert make_agent(chosen, ModelSettings("openai:gpt-5.4")).name == chosen


def test_unknown_agent():
    with pytest.raises(UnknownAgent, match="model, runbook, replay"):
        choose("devin", "x", True)


async def test_unconfigured_says_how_and_runs_blocks_sent_as_answer(world):
    end = await world.run(lambda: make_agent("unconfigured", None))
    assert end.outcome == "waiting_for_user"
    for word in ("COGMILL_MODEL=", "ANTHROPIC_API_KEY", "COGMILL_MODEL_BASE_URL", "--agent replay", "`sh`"):
        assert word in world.journal.said[0]
    world.journal.user(BLOCK)
    assert (await world.run(lambda: make_agent("unconfigured", None))).outcome == "finished"
    assert world.journal.of_type("shell_process_completed")[0]["output"] == "hi\n"


def test_choosing_imports_nothing_heavy():
    code = (
        "import sys; from cogmill.engine.agents.choose import choose, make_agent;"
        "from cogmill.engine.agents.pricing import check_price;"
        "from cogmill.engine.agents.seam import ModelSettings;"
        "choose(None, 'x', True); make_agent('model', ModelSettings('openai:gpt-5.4')); make_agent('replay', None);"
        "print([m for m in ('pydantic_ai', 'genai_prices', 'jsonschema', 'openai', 'markdown_it') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
