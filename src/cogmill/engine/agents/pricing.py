"""What model calls cost: prices from the settings, or from the data that genai-prices ships (never fetched)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from cogmill.engine.agents.seam import ModelSettings

_MILLION = Decimal(1_000_000)
_MARGIN = 1.25
"""Estimates of input can be too low, and writing to a provider's cache costs a quarter more."""


class PriceUnknown(ValueError):
    """Nobody knows what the configured model costs; the text says what to set."""


class Prices(Protocol):
    """Price list of one model."""

    def cost(self, usage: Mapping[str, Any]) -> Decimal:
        """US dollars for reported usage (input_tokens includes the cached ones)."""


def worst_case(prices: Prices, input_tokens: int, max_output_tokens: int) -> Decimal:
    return prices.cost({"input_tokens": int(input_tokens * _MARGIN), "output_tokens": max_output_tokens})


def check_price(settings: ModelSettings) -> None:
    """PriceUnknown when a limit in ACUs could not be kept with this model. For the server's start."""
    prices_for(settings)


def prices_for(settings: ModelSettings) -> Prices:
    given = (settings.input_usd_per_mtok, settings.output_usd_per_mtok)
    if given[0] is not None and given[1] is not None:
        return GivenPrices(given[0], given[1])
    if given != (None, None):
        raise PriceUnknown(_advice(settings, "Only one of the two prices is set"))
    if settings.base_url is not None:
        raise PriceUnknown(_advice(settings, f"The price of models at {settings.base_url} is not known"))
    return _shipped(settings)


@dataclass(frozen=True, slots=True)
class GivenPrices:
    """Prices of the settings. Cached tokens count in full, which is never too little."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal

    def cost(self, usage: Mapping[str, Any]) -> Decimal:
        spent = int(usage.get("input_tokens") or 0) * self.input_usd_per_mtok
        return (spent + int(usage.get("output_tokens") or 0) * self.output_usd_per_mtok) / _MILLION


@dataclass(frozen=True, slots=True)
class ShippedPrices:
    """Prices of genai-prices, cached tokens and tiers included."""

    provider: str
    model: str

    def cost(self, usage: Mapping[str, Any]) -> Decimal:
        from genai_prices import Usage, calc_price

        names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
        counts = {name: int(usage.get(name) or 0) for name in names}
        try:
            price = calc_price(Usage(**counts), self.model, provider_id=self.provider)
        except ValueError:
            # Counts that contradict each other: count everything as plain input, which is never too little.
            plain = Usage(input_tokens=counts["input_tokens"], output_tokens=counts["output_tokens"])
            price = calc_price(plain, self.model, provider_id=self.provider)
        return Decimal(price.total_price)


def _shipped(settings: ModelSettings) -> Prices:
    provider, _, model = settings.name.partition(":")
    if not model:
        raise PriceUnknown(f"COGMILL_MODEL={settings.name} names no provider; write it like openai:{settings.name}.")
    prices = ShippedPrices(provider.removeprefix("gateway/"), model)
    try:
        # A price list that knows only one direction would make the other one free.
        known = [prices.cost({"input_tokens": 1_000_000}), prices.cost({"output_tokens": 1_000_000})]
    except LookupError:
        known = []
    if not known or (any(known) and not all(known)):
        raise PriceUnknown(_advice(settings, f"The price of {settings.name} is not known"))
    return prices


def _advice(settings: ModelSettings, problem: str) -> str:
    return (
        f"{problem}. Set COGMILL_MODEL_INPUT_USD_PER_MTOK and COGMILL_MODEL_OUTPUT_USD_PER_MTOK "
        f"(US dollars per million tokens; 0 for a model that costs nothing) for COGMILL_MODEL={settings.name}."
    )
