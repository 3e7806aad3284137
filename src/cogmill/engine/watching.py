"""What a run tells those who watch the server: counters, and the session as a GenAI trace.

Names of spans and attributes are those of OpenTelemetry's semantic conventions for generative AI. Prompts, commands and
answers are not among them: they may hold what a trace store should not.
"""

import time
from collections.abc import Mapping
from typing import Any

from cogmill.kit import metrics
from cogmill.kit.traces import Place, Traces

PROVIDERS = {
    "bedrock": "aws.bedrock", "google-gla": "gcp.gemini", "google-vertex": "gcp.vertex_ai", "google": "gcp.gemini",
    "azure": "azure.ai.openai", "mistral": "mistral_ai", "grok": "x_ai", "xai": "x_ai",
}  # fmt: skip
"""Prefixes of model names whose provider the conventions call otherwise."""


class RunWatch:
    """One run of one session."""

    def __init__(self, traces: Traces | None, row: Any, *, recovered: bool) -> None:
        self._traces = traces
        self._row = row
        self._agent = row.agent or "cogmill"
        self._began = time.time()
        self._session = Place.of_session(row.session_id)
        self._run = Place.of_session(row.session_id, row.epoch)
        self._tokens = {"input": 0, "output": 0}
        if recovered:
            metrics.SESSION_RECOVERIES.inc()
        if traces is not None and row.epoch == 1:
            about = {"gen_ai.conversation.id": row.session_id, "cogmill.org_id": row.org_id}
            traces.record("session", row.created_at, self._began, about, place=self._session)

    def step(self, type: str, asked: Mapping[str, Any], contents: Mapping[str, Any], seconds: float) -> None:
        """A step is finished and written down; `contents` as in its event."""
        kind, is_ok = metrics.STEP_TYPES(type), bool(contents["ok"])
        metrics.STEPS.labels(kind, "ok" if is_ok else "failed").inc()
        metrics.STEP_SECONDS.labels(kind).observe(seconds)
        if type == "model_call":
            self._model_call(contents)
        if self._traces is None:
            return
        name, attributes = _chat(contents) if type == "model_call" else _tool(type, asked)
        attributes |= {"gen_ai.conversation.id": self._row.session_id, "cogmill.acus": contents["acus"]}
        now = time.time()
        self._traces.record(
            name, now - seconds, now, attributes, parent=self._run,
            kind="client" if type == "model_call" else "internal",
            error=None if is_ok else str(contents.get("failure") or "failed"),
        )  # fmt: skip

    def _model_call(self, contents: Mapping[str, Any]) -> None:
        usage, model = contents.get("usage") or {}, metrics.MODELS(str(contents.get("model")))
        for kind, name in (("input", "input_tokens"), ("output", "output_tokens"), ("cached", "cache_read_tokens")):
            count = int(usage.get(name) or 0)
            metrics.MODEL_TOKENS.labels(model, kind).inc(count)
            if kind in self._tokens:
                self._tokens[kind] += count

    def settled(self, status: str, detail: str | None) -> None:
        """The turn is over and the session has a new state."""
        metrics.SESSION_TURNS.labels(status, detail or "").inc()

    def over(self, outcome: str) -> None:
        """The run is over, whatever came of it."""
        if self._traces is None:
            return
        row = self._row
        attributes = {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": self._agent,
            "gen_ai.provider.name": "cogmill", "gen_ai.conversation.id": row.session_id,
            "gen_ai.usage.input_tokens": self._tokens["input"], "gen_ai.usage.output_tokens": self._tokens["output"],
            "cogmill.org_id": row.org_id, "cogmill.run": row.epoch, "cogmill.outcome": outcome,
        }  # fmt: skip
        self._traces.record(
            f"invoke_agent {self._agent}", self._began, time.time(), attributes, place=self._run,
            parent=self._session, error=outcome if outcome == "lost" else None,
        )  # fmt: skip


def _chat(contents: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    provider, _, model = str(contents.get("model")).rpartition(":")
    usage, response = contents.get("usage") or {}, contents.get("response") or {}
    reason = response.get("finish_reason")
    return f"chat {model}", {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(provider, provider or "unknown"),
        "gen_ai.request.model": model,
        "gen_ai.response.model": response.get("model_name"),
        "gen_ai.response.id": response.get("provider_response_id"),
        "gen_ai.response.finish_reasons": [str(reason)] if reason else None,
        "gen_ai.usage.input_tokens": usage.get("input_tokens"),
        "gen_ai.usage.output_tokens": usage.get("output_tokens"),
        "gen_ai.usage.cache_read.input_tokens": usage.get("cache_read_tokens"),
        "gen_ai.usage.cache_creation.input_tokens": usage.get("cache_write_tokens"),
        "cogmill.cost_usd": float(contents["usd"]) if contents.get("usd") else None,
    }


def _tool(type: str, asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    name = str(asked.get("tool") or type)
    return f"execute_tool {name}", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": asked.get("tool_call_id"),
        "cogmill.step.type": type,
    }
