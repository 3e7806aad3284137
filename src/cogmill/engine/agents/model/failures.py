"""Turns a provider's errors into words for the user: what happened, whether waiting helps, and never the key."""

import os
import re

from cogmill.engine.agents.clipping import first_line
from cogmill.engine.agents.model.wire import Failing, ModelFailure
from cogmill.engine.agents.seam import ModelSettings

_KEY_LIKE = re.compile(r"\b(?:sk|rk|pk|key|AIza|gsk|xai|hf)[-_][A-Za-z0-9_*-]{6,}|Bearer\s+\S+")
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429})


def without_key(text: str, settings: ModelSettings) -> str:
    """The text without the configured key, without keys of the environment and without anything that looks like one."""
    named = [value for name, value in os.environ.items() if name.upper().endswith(("_KEY", "_TOKEN", "_SECRET"))]
    for secret in [settings.api_key or "", *named]:
        if len(secret) >= 6:
            text = text.replace(secret, "[key]")
    return _KEY_LIKE.sub("[key]", text)


def describe(error: BaseException, settings: ModelSettings) -> ModelFailure:
    """A ModelFailure for whatever pydantic-ai or the network raised."""
    from pydantic_ai import exceptions as raised

    name = settings.name
    if isinstance(error, ModelFailure):
        return error
    if not isinstance(error, raised.ModelAPIError):
        retryable = isinstance(error, OSError | TimeoutError | raised.UnexpectedModelBehavior)
        kind: Failing = "retryable" if retryable else "rejected"
        return ModelFailure(kind, f"{name} gave no usable answer: {_words(error, settings)}.")
    status = getattr(error, "status_code", None)
    said = _words(error, settings)
    if isinstance(error, raised.ModelAuthenticationError) or status in {401, 403}:
        text = f"{name} refused the API key ({said}). Set {_setting(settings)} to a valid key and restart the server."
        return ModelFailure("authentication", text)
    if isinstance(error, raised.ModelQuotaExceededError):
        return ModelFailure("quota", f"The account at the provider of {name} has no credit left ({said}).")
    if isinstance(error, raised.ModelContextWindowExceededError):
        text = f"The conversation is too long for {name} ({said}). Set COGMILL_MODEL_CONTEXT_TOKENS to its real window."
        return ModelFailure("context", text)
    passing = (raised.ModelConnectionError, raised.ModelRequestTimeout, raised.ModelRateLimitError)
    if isinstance(error, passing) or status is None or status >= 500 or status in _RETRYABLE_STATUS:
        return ModelFailure("retryable", f"{name} is not answering ({said}).", retry_after=error.retry_after)
    return ModelFailure("rejected", f"{name} refused the request ({said}).")


def _words(error: BaseException, settings: ModelSettings) -> str:
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = str(inner["message"]) if isinstance(inner, dict) and inner.get("message") else ""
    if not said and status is None:
        said = str(error) or type(error).__name__
    shown = first_line(without_key(said, settings), 300)
    return ": ".join(part for part in (f"status {status}" if status else "", shown) if part)


def _setting(settings: ModelSettings) -> str:
    if settings.api_key or settings.base_url:
        return "COGMILL_MODEL_API_KEY"
    provider = re.sub(r"[^A-Z]", "_", settings.name.partition(":")[0].split("-")[0].upper())
    return f"COGMILL_MODEL_API_KEY (or {provider}_API_KEY)"
