"""How near texts are to each other in meaning, as an OpenAI-compatible endpoint sees it."""

import math
from collections.abc import Sequence

import httpx

from cogmill.kit.settings import Settings

SECONDS = 5.0
LONGEST = 8_000
"""Characters of a text that are sent."""


class NoEmbeddings(Exception):
    """The endpoint was of no use; the text says why."""


def is_configured(settings: Settings) -> bool:
    return settings.embedding_base_url is not None and settings.embedding_model is not None


async def similarities(settings: Settings, text: str, others: Sequence[str]) -> list[float]:
    """The cosine of the text and each of the others. One request; NoEmbeddings when it fails or takes too long."""
    key = settings.embedding_api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key is not None else {}
    body = {"model": settings.embedding_model, "input": [one[:LONGEST] for one in (text, *others)]}
    url = f"{(settings.embedding_base_url or '').rstrip('/')}/embeddings"
    try:
        async with httpx.AsyncClient(timeout=SECONDS, headers=headers) as client:
            answer = await client.post(url, json=body)
        if answer.status_code != httpx.codes.OK:
            raise NoEmbeddings(f"{url} answered with status {answer.status_code}.")
        found = sorted(answer.json()["data"], key=lambda one: int(one["index"]))
        first, *rest = [[float(part) for part in one["embedding"]] for one in found]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoEmbeddings(f"{url} cannot be asked: {type(error).__name__}.") from None
    except (KeyError, TypeError, ValueError):
        raise NoEmbeddings(f"{url} did not answer with embeddings.") from None
    if len(rest) != len(others) or any(len(one) != len(first) for one in rest):
        raise NoEmbeddings(f"{url} answered with embeddings of something else.")
    return [_cosine(first, one) for one in rest]


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.hypot(*one) * math.hypot(*other)
    return product / lengths if lengths else 0.0
