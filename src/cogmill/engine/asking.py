"""One question to the installation's model, outside of what agents say: bounded in time and price, answered in JSON."""

import asyncio
import importlib
from dataclasses import dataclass
from decimal import Decimal

from cogmill.engine.agents.model.compaction import CHARACTERS_PER_TOKEN
from cogmill.engine.agents.model.retrying import RetryPolicy, complete
from cogmill.engine.agents.model.wire import ModelFailure, Request, UserText
from cogmill.engine.agents.pricing import prices_for, worst_case
from cogmill.engine.agents.seam import Json, ModelSettings

_RETRIES = RetryPolicy(attempts=2, longest_wait=10.0)


class NoAnswer(Exception):
    """The model did not answer; the text says why."""

    def __init__(self, text: str, usd: Decimal = Decimal(0)) -> None:
        super().__init__(text)
        self.usd = usd
        """What the question can have cost at most all the same: it was cut, and nobody says what it did cost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said, and what that cost."""

    text: str
    """The JSON object in it, whatever stands around that."""
    usage: Json
    usd: Decimal


def dearest(settings: ModelSettings, instructions: str, text: str) -> Decimal:
    """US dollars that the question can cost at most."""
    tokens = (len(text) + len(instructions)) // CHARACTERS_PER_TOKEN
    return worst_case(prices_for(settings), tokens, settings.output_tokens) * _RETRIES.attempts


async def ask(settings: ModelSettings, instructions: str, text: str, seconds: float) -> Answer:
    """Ask, for so long at most. NoAnswer when there is none."""
    request = Request(1, instructions, [UserText(text)], ())
    try:
        async with asyncio.timeout(seconds):
            provider = await asyncio.to_thread(importlib.import_module, "cogmill.engine.agents.model.provider")
            async with await asyncio.to_thread(provider.ProviderBackend, settings) as backend:
                reply = await complete(backend, request, _RETRIES, lambda _text: None)
    except ModelFailure as failure:
        raise NoAnswer(str(failure)) from None
    except TimeoutError:
        paid = dearest(settings, instructions, text)
        raise NoAnswer(f"{settings.name} took longer than {seconds:.0f} seconds.", paid) from None
    return Answer(_json_in(_text_of(reply.response)), reply.usage, prices_for(settings).cost(reply.usage))


def _text_of(response: Json) -> str:
    return "".join(str(one.get("content", "")) for one in response.get("parts", ()) if one.get("part_kind") == "text")


def _json_in(text: str) -> str:
    begin, end = text.find("{"), text.rfind("}")
    return text[begin : end + 1] if 0 <= begin < end else text
