"""Prices of model calls."""

from decimal import Decimal

import pytest

from cogmill.engine.agents.pricing import PriceUnknown, check_price, prices_for, worst_case
from cogmill.engine.agents.seam import ModelSettings


@pytest.mark.parametrize(
    "name", ["anthropic:claude-sonnet-5", "openai:gpt-5", "openai-chat:gpt-5", "google:gemini-2.5-pro"]
)
def test_shipped_prices_are_found(name):
    check_price(ModelSettings(name))
    assert prices_for(ModelSettings(name)).cost({"input_tokens": 1000, "output_tokens": 1000}) > 0


def test_cached_tokens_cost_less():
    prices = prices_for(ModelSettings("anthropic:claude-sonnet-5"))
    full = prices.cost({"input_tokens": 10_000, "output_tokens": 1})
    assert prices.cost({"input_tokens": 10_000, "cache_read_tokens": 9_000, "output_tokens": 1}) < full
    assert prices.cost({"input_tokens": 10, "cache_read_tokens": 9_000, "output_tokens": 1}) > 0  # contradicts itself


@pytest.mark.parametrize(
    "settings",
    [ModelSettings("openai:never-heard-of-it"), ModelSettings("gpt-5"), ModelSettings("nobody:gpt-5"),
     ModelSettings("openai:gpt-5", base_url="http://127.0.0.1:1/v1"),
     ModelSettings("openai:gpt-5", input_usd_per_mtok=Decimal(1))],
)  # fmt: skip
def test_unknown_price_is_a_configuration_error(settings):
    with pytest.raises(PriceUnknown, match="COGMILL_MODEL"):
        check_price(settings)


def test_given_prices():
    local = ModelSettings("qwen3:8b", "http://127.0.0.1:1/v1", None, Decimal(0), Decimal(0))
    assert worst_case(prices_for(local), 10_000, 8_000) == 0
    given = ModelSettings("openai:gpt-5", None, None, Decimal(2), Decimal(10))
    assert prices_for(given).cost({"input_tokens": 1_000_000, "output_tokens": 100_000}) == Decimal(3)
    assert worst_case(prices_for(given), 1_000_000, 0) == Decimal("2.5")
