"""Asks an OpenAI-compatible endpoint for its models: whether it is there, takes the key and knows the model."""

import httpx

from cogmill.engine.agents.model.failures import describe
from cogmill.engine.agents.model.wire import ModelFailure
from cogmill.engine.agents.seam import ModelSettings

SECONDS = 5.0


def reach(settings: ModelSettings) -> tuple[bool, str]:
    """Whether the endpoint lists the model, and what to tell. ModelFailure when it is of no use as configured."""
    url = (settings.base_url or "").rstrip("/")
    key = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    try:
        answer = httpx.get(f"{url}/models", headers=key, timeout=SECONDS)
    except httpx.HTTPError as error:
        said = describe(error, settings).text
        raise ModelFailure("configuration", f"{said} Start it, or correct COGMILL_MODEL_BASE_URL.") from None
    if answer.status_code in {401, 403}:
        text = f"{url} refuses the key (status {answer.status_code}). Set COGMILL_MODEL_API_KEY to a valid one."
        raise ModelFailure("configuration", text)
    names = _names(answer)
    if names is None:
        return False, f"{url} answers, but does not say which models it has (status {answer.status_code})."
    wanted = {settings.name, settings.name.partition(":")[2]}
    if not wanted & {*names, *(name.removesuffix(":latest") for name in names)}:
        return False, f"{url} does not list this model; it lists {', '.join(sorted(names)[:8]) or 'none'}."
    return True, f"{url} answers and has it."


def _names(answer: httpx.Response) -> set[str] | None:
    try:
        return {str(one["id"]) for one in answer.json()["data"]}
    except (ValueError, KeyError, TypeError):
        return None
