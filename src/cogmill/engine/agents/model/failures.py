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
    hint = " Check COGMILL_MODEL and COGMILL_MODEL_BASE_URL." if status in {404, 405} else ""
    return ModelFailure("rejected", f"{name} refused the request ({said}).{hint}")


def misconfigured(problem: BaseException, settings: ModelSettings) -> ModelFailure:
    """A ModelFailure for settings from which no model can be made: what to set, rather than what was raised."""
    said = without_key(str(problem), settings)
    provider = settings.name.partition(":")[0]
    if variable := re.search(r"`([A-Z0-9_]+_(?:KEY|TOKEN))`", said):
        text = f"There is no API key for {settings.name}: set COGMILL_MODEL_API_KEY or {variable[1]}."
    elif package := re.search(r"pip install \"(.+?)\"", said):
        text = f"COGMILL_MODEL={settings.name} needs more packages: pip install '{package[1]}' where cogmill runs."
    elif "Unknown provider" in said:
        text = (
            f"COGMILL_MODEL={settings.name}: there is no provider {provider!r}. Write it like openai:gpt-5, or set "
            "COGMILL_MODEL_BASE_URL for an OpenAI-compatible endpoint."
        )
    else:
        text = f"COGMILL_MODEL={settings.name} cannot be used: {first_line(said, 300)}"
    return ModelFailure("configuration", text)


def _words(error: BaseException, settings: ModelSettings) -> str:
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = str(inner["message"]) if isinstance(inner, dict) and inner.get("message") else ""
    if not said and status is None:
        said = _cause(error, settings)
    shown = first_line(without_key(said, settings), 300)
    return ": ".join(part for part in (f"status {status}" if status else "", shown) if part)


def _cause(error: BaseException, settings: ModelSettings) -> str:
    """The first error in the chain tells more than 'Connection error', which helps nobody."""
    first, seen = error, [error]
    while (cause := first.__cause__ or first.__context__) is not None and cause not in seen:
        first = cause
        seen.append(cause)
    said = str(error).rstrip(".") or type(error).__name__
    if isinstance(first, OSError):
        said = "connection refused" if isinstance(first, ConnectionRefusedError) else first.strerror or said
    elif said == "Connection error":
        said = f"{said}: {first}"
    elif first is error:
        return said
    return f"{said} at {settings.base_url}" if settings.base_url else said


def _setting(settings: ModelSettings) -> str:
    if settings.api_key or settings.base_url:
        return "COGMILL_MODEL_API_KEY"
    provider = re.sub(r"[^A-Z]", "_", settings.name.partition(":")[0].split("-")[0].upper())
    return f"COGMILL_MODEL_API_KEY (or {provider}_API_KEY)"
