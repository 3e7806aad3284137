"""Which agent drives a session, and how to make it."""

from cogmill.engine.agents.blocks import has_blocks
from cogmill.engine.agents.inbox import heard, text_of
from cogmill.engine.agents.seam import Agent, ModelSettings, Turn, TurnEnd

NAMES = ("model", "runbook", "replay", "unconfigured")

_CONFIGURE = """No model is configured on this server, and the text has no shell blocks to run, so I cannot start yet. \
Any one of these helps:

- A hosted model: set `COGMILL_MODEL`, e.g. `COGMILL_MODEL=anthropic:claude-sonnet-5` with `ANTHROPIC_API_KEY=...`, \
or `COGMILL_MODEL=openai:gpt-5` with `OPENAI_API_KEY=...`, in the server's environment (`COGMILL_MODEL_API_KEY` works \
for every provider), and restart the server.
- A local or other OpenAI-compatible model (Ollama, vLLM, OpenRouter ...): \
`COGMILL_MODEL=qwen3-coder`, `COGMILL_MODEL_BASE_URL=http://127.0.0.1:11434/v1`, and its price, 0 for your own: \
`COGMILL_MODEL_INPUT_USD_PER_MTOK=0`, `COGMILL_MODEL_OUTPUT_USD_PER_MTOK=0`.
- No model at all: answer here with the commands in fenced blocks marked `sh`, and I run them one after the other.
- To see a session without a model: start one with `--agent replay` and a recording.

After the restart, write any message here and I start with your task."""

_STILL_NOT = """There is still no model configured on this server; my first answer above says how to configure one. \
Or answer with the commands in fenced blocks marked `sh`."""


class UnknownAgent(ValueError):
    """There is no agent of that name; the text lists the names."""


class UnconfiguredAgent:
    """Says how to configure a model; shell blocks sent as an answer are run."""

    name = "unconfigured"

    async def run(self, turn: Turn) -> TurnEnd:
        messages = heard(turn.task, turn.history)
        if any(has_blocks(text_of(event)) for event in messages):
            return await make_agent("runbook", None).run(turn)
        await turn.say(_CONFIGURE, key="how-to-configure")
        if messages:
            await turn.say(_STILL_NOT, key=f"still-no-model-{messages[-1].seq}")
        return TurnEnd("waiting_for_user")


def choose(agent_name: str | None, text: str | None, model_configured: bool) -> str:
    """Name of the agent: the one asked for; else the model; else a runbook if the text is one."""
    if agent_name is not None:
        if agent_name not in NAMES:
            raise UnknownAgent(f"There is no agent {agent_name}; there are: {', '.join(NAMES[:3])}.")
        return agent_name if agent_name != "model" or model_configured else "unconfigured"
    if model_configured:
        return "model"
    return "runbook" if has_blocks(text) else "unconfigured"


def make_agent(name: str, model_settings: ModelSettings | None) -> Agent:
    """A fresh agent for one turn. Imports are late: a server loads only the agents that it runs."""
    if name == "runbook":
        from cogmill.engine.agents.runbook import RunbookAgent

        return RunbookAgent()
    if name == "replay":
        from cogmill.engine.agents.replay import ReplayAgent

        return ReplayAgent()
    if name == "model" and model_settings is not None:
        from cogmill.engine.agents.model.agent import ModelAgent

        return ModelAgent(model_settings)
    if name in {"model", "unconfigured"}:
        return UnconfiguredAgent()
    raise UnknownAgent(f"There is no agent {name}; there are: {', '.join(NAMES[:3])}.")
