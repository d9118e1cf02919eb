"""Prices: rates of every kind of token, the packaged table, and what an unknown price leads to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from optimizer.errors import ConfigError
from optimizer.models.money import prices
from optimizer.models.money.prices import Price, find_price, known_price, listed, table, table_date
from optimizer.models.replies.names import same_model

RATES = Price(input=2.0, output=10.0, cached_input=0.5, reasoning=30.0, cache_write=4.0)


def test_every_kind_of_token_has_its_rate() -> None:
    # 1,000 in, of which 300 from the cache and 200 into it; 100 out, of which 40 reasoning
    expected = (500 * 2 + 300 * 0.5 + 200 * 4 + 60 * 10 + 40 * 30) / 1e6
    assert RATES.cost(1000, 100, 300, 40, 200) == pytest.approx(expected)


def test_rates_that_are_not_stated_are_those_of_input_and_output() -> None:
    assert Price(2.0, 10.0).cost(1000, 100, 300, 40, 200) == pytest.approx((1000 * 2 + 100 * 10) / 1e6)


def test_a_cached_rate_of_zero_is_zero_and_not_unstated() -> None:
    assert Price(2.0, 10.0, cached_input=0.0).cost(100, 0, 100) == 0.0


def test_parts_larger_than_the_whole_never_make_a_negative_cost() -> None:
    assert Price(2.0, 10.0, 1.0, 10.0).cost(10, 5, 999, 999) == pytest.approx((10 * 1 + 5 * 10) / 1e6)


def test_a_long_input_makes_the_whole_call_dearer() -> None:
    price = Price(1.0, 2.0, above=((1000, Price(3.0, 4.0)), (5000, Price(5.0, 6.0))))
    assert price.cost(1000, 10) == pytest.approx((1000 * 1 + 10 * 2) / 1e6)
    assert price.cost(1001, 10) == pytest.approx((1001 * 3 + 10 * 4) / 1e6)
    assert price.cost(9000, 10) == pytest.approx((9000 * 5 + 10 * 6) / 1e6)


def test_the_worst_case_takes_the_dearest_rates_that_the_size_allows() -> None:
    assert RATES.worst(1000, 100) == pytest.approx((1000 * 4 + 100 * 30) / 1e6)
    price = Price(1.0, 2.0, above=((1000, Price(3.0, 4.0)),))
    assert price.worst(1000, 10) == pytest.approx((1000 * 1 + 10 * 2) / 1e6)
    assert price.worst(2000, 10) == pytest.approx((2000 * 3 + 10 * 4) / 1e6)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"price.output"):
        Price(1.0, rate)


@pytest.mark.parametrize(
    ("model", "expected"),
    [  # list prices of models that are retired or frozen
        ("gpt-4o-2024-08-06", (2.5, 10.0, 1.25)),
        ("openai/gpt-4o-2024-08-06", (2.5, 10.0, 1.25)),
        ("anthropic/claude-sonnet-4-5", (3.0, 15.0, 0.3)),
        ("gemini/gemini-2.5-pro", (1.25, 10.0, 0.125)),
    ],
)
def test_list_prices_are_found_by_full_name_and_behind_the_provider(
    model: str, expected: tuple[float, float, float]
) -> None:
    price = find_price(model)
    assert price is not None
    assert (price.input, price.output, price.cached_input) == expected


def test_the_dearer_price_of_long_inputs_is_found() -> None:
    price = find_price("gemini/gemini-2.5-pro")
    assert price is not None
    assert [(start, step.input, step.output) for start, step in price.above] == [(200_000, 2.5, 15.0)]


@pytest.mark.parametrize(
    "model",
    [
        "together_ai/gpt-4o",  # another provider's model of that name has another price
        "litellm_proxy/gpt-4o",
        "ollama/llama2",  # the table says zero: nobody knows what the machine costs
        "openai/text-embedding-3-small",
        "sample_spec",
        "no-such-model",
    ],
)
def test_what_the_table_does_not_price_has_no_price(model: str) -> None:
    assert find_price(model) is None


def test_a_model_that_is_known_by_its_full_name_is_not_priced_as_another_of_the_same_tail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    behind = {"mode": "chat", "litellm_provider": "there", **rates}
    monkeypatch.setattr(prices, "table", lambda: {"there/m": {"mode": "chat"}, "m": behind})

    assert find_price("there/m") is None and listed("there/m") == {}
    assert find_price("there/eu/m") == Price(1.0, 2.0) and listed("there/eu/m") == rates


def test_a_price_in_the_tables_own_words_holds_rates_of_text_alone() -> None:
    plain = {"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost"}

    assert set(listed("openai/gpt-4o")) == plain
    assert set(listed("gemini/gemini-2.5-pro")) == plain | {f"{name}_above_200k_tokens" for name in plain}
    assert listed("openai/nobody") == {}


def test_an_unknown_price_names_the_nearest_model_and_both_ways_out() -> None:
    with pytest.raises(ConfigError) as caught:
        known_price("openai/gpt4o")
    assert "Did you mean 'openai/gpt-4o'?" in str(caught.value)
    assert "price: {input: 0.5, output: 1.5}" in str(caught.value)


def test_a_known_model_without_a_price_is_not_called_misspelt() -> None:
    with pytest.raises(ConfigError, match="lists no price for it") as caught:
        known_price("ollama/llama2")
    assert "Did you mean" not in str(caught.value)


def test_a_price_that_is_given_goes_before_the_list() -> None:
    free = Price(0, 0)
    assert known_price("openai/gpt-4o", free) is free


def test_the_table_is_named_by_release_and_content() -> None:
    from importlib.metadata import version

    assert table_date().startswith(f"price table packaged with LiteLLM {version('litellm')} (undated; sha256 ")


def test_reading_the_table_does_not_open_litellm() -> None:
    code = "import sys; from optimizer.models.money.prices import *; find_price('gpt-4o')"
    code += "; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _steps(row: Mapping[str, Any]) -> bool:
    return "tiered_pricing" in row or any("input_cost_per_token_above_" in key for key in row)


SIZES = (1, 32_000, 32_001, 128_000, 128_001, 199_999, 200_000, 200_001, 256_000, 256_001, 272_001, 900_000)
_THEIRS = """
import json, sys
from optimizer.models.providers.library import opened
litellm = opened()
def cost(name, provider, size):
    usage = litellm.Usage(prompt_tokens=size, completion_tokens=100, total_tokens=size + 100)
    return sum(litellm.cost_per_token(name, custom_llm_provider=provider, usage_object=usage))
print(json.dumps([cost(*one) for one in json.load(sys.stdin)]))
"""


def test_prices_that_rise_with_the_input_are_those_of_litellm_s_own_calculator() -> None:
    # Perplexity's names tell of two providers, of which its calculator takes one
    rows = {name: row for name, row in table().items() if _steps(row) and not name.startswith("perplexity/")}
    priced = {name: price for name in rows if (price := find_price(name))}
    asked = [(name, rows[name]["litellm_provider"], size) for name in priced for size in SIZES]
    # in a process of its own: LiteLLM keeps what other tests have told it of models
    done = subprocess.run(
        [sys.executable, "-c", _THEIRS], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    theirs = json.loads(done.stdout.splitlines()[-1])

    for (name, _, size), cost in zip(asked, theirs, strict=True):
        assert priced[name].cost(size, 100) == pytest.approx(cost, rel=1e-6), f"{name} at {size}"
    assert len(priced) > 50 and sum("tiered_pricing" in rows[name] for name in priced) > 20


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("openai/gpt-4o", "gpt-4o", True),
        ("openai/gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4", "gpt-4-0613", True),
        ("openai/gpt-4o-2024-08-06", "gpt-4o", True),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5-20250929", True),
        ("mistral/mistral-large-latest", "mistral-large-2407", True),
        ("mistral/mistral-large-2407", "mistral-large-latest", True),
        ("gemini/gemini-1.5-pro", "gemini-1.5-pro-002", True),
        ("vertex_ai/claude-opus-4@20250514", "claude-opus-4", True),
        ("together_ai/meta-llama/Llama-3-8b", "meta-llama/llama-3-8b", True),
        ("openrouter/openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "gpt-4o-mini", False),
        ("openai/gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("openai/gpt-4o-2024-08-06", "gpt-4o-2024-11-20", False),
        ("gpt-4-0613", "gpt-4-1106", False),
        ("openai/sim-beta", "sim-alpha", False),
        ("openai/gpt-4o", "chatgpt-4o-latest", False),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-20250514", False),
        ("openrouter/openai/gpt-4o", "azure/gpt-4o", False),
    ],
)
def test_who_answered_is_told_from_who_was_asked(asked: str, answered: str, same: bool) -> None:
    assert same_model(asked, answered) is same
