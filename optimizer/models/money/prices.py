"""What tokens cost: from the price table that LiteLLM carries, or from the task file.

The table is read as the file it is, without opening LiteLLM (which takes seconds). It gives list prices of the
standard tier. A price of zero in it means "not known here" as often as "free", so zero is never taken from the
table: whoever runs a free server says so in the task file.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optimizer.errors import ConfigError, nearest

TABLE = "model_prices_and_context_window_backup.json"
_TEXT_MODES = ("chat", "completion", "responses")


#: The rates of a `Price` as the table calls them: of text, standard tier.
RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
    "cache_write": "cache_creation_input_token_cost",
}
_RATE = re.compile(rf"tiered_pricing|({'|'.join(RATES.values())})(_above_\d+k_tokens)?")
_BYTES = 4.0  # of UTF-8, a token


def tokens(text: str) -> float:
    """About how many tokens a text is, whoever counts them."""
    return len(text.encode("utf-8", "replace")) / _BYTES


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens.

    `cached_input` (read from the provider's prompt cache) and `cache_write` (written to it) fall back to `input`,
    `reasoning` to `output`. `above` holds dearer prices: `(200_000, price)` is the price of the whole call as soon
    as its input is longer than 200,000 tokens. `call`: dollars of a call, whatever its tokens.
    """

    input: float
    output: float
    cached_input: float | None = None
    reasoning: float | None = None
    cache_write: float | None = None
    above: tuple[tuple[int, Price], ...] = ()
    call: float = 0.0

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached_input", "reasoning", "cache_write"):
            rate = getattr(self, name)
            if rate is not None and not (math.isfinite(rate) and rate >= 0):
                raise ConfigError(f"price.{name}: {rate!r} is no price; give dollars per million tokens, 0 or more")

    @property
    def free(self) -> bool:
        return not (self.by_tokens or self.call)

    @property
    def by_tokens(self) -> bool:
        return any((self.input, self.output, self.cached_input, self.reasoning, self.cache_write, self.above))

    def cost(
        self,
        input_tokens: int,
        output_tokens: int,
        cached_tokens: int = 0,
        reasoning_tokens: int = 0,
        written_tokens: int = 0,
    ) -> float:
        """Dollars. Cached and written tokens are part of the input, reasoning tokens part of the output."""
        rates = self._at(input_tokens)
        cached = min(cached_tokens, input_tokens)
        written = min(written_tokens, input_tokens - cached)
        reasoning = min(reasoning_tokens, output_tokens)
        total = (
            (input_tokens - cached - written) * rates.input
            + cached * _or(rates.cached_input, rates.input)
            + written * _or(rates.cache_write, rates.input)
            + (output_tokens - reasoning) * rates.output
            + reasoning * _or(rates.reasoning, rates.output)
        )
        return total / 1e6 + self.call

    def worst(self, input_tokens: int, output_tokens: int) -> float:
        """The most that a call with at most so many tokens can cost, in dollars."""
        levels = [self, *(price for start, price in self.above if start < input_tokens)]
        dearest_in = max(max(p.input, p.cached_input or 0, p.cache_write or 0) for p in levels)
        dearest_out = max(max(p.output, p.reasoning or 0) for p in levels)
        return (input_tokens * dearest_in + output_tokens * dearest_out) / 1e6 + self.call

    def _at(self, input_tokens: int) -> Price:
        reached = [(start, price) for start, price in self.above if input_tokens > start]
        return max(reached, key=lambda step: step[0])[1] if reached else self


#: What is reckoned with it is tokens.
A_DOLLAR_A_TOKEN = Price(1e6, 1e6)


def find_price(model: str, modes: Sequence[str] = _TEXT_MODES) -> Price | None:
    """The list price of a LiteLLM model string, or None where the table has none (or says zero)."""
    return _price(_row(model, modes))


def listed(model: str) -> dict[str, Any]:
    """The same price in the table's own words, as LiteLLM takes it for a deployment; empty where there is none."""
    return {key: value for key, value in _row(model, _TEXT_MODES).items() if _RATE.fullmatch(key) and value is not None}


def known_price(model: str, given: Price | None = None, modes: Sequence[str] = _TEXT_MODES) -> Price:
    """`given`, else the list price. Raises ConfigError where neither is there: an unknown price is never zero."""
    if price := given or find_price(model, modes):
        return price
    names = set(_names(model.split("/", maxsplit=1)[0] if "/" in model else "", modes))
    found = "lists no price for it." if model in names else f"does not know it.{nearest(model, names)}"
    raise ConfigError(
        f"model {model!r}: LiteLLM's price table {found} Correct the name, or state its price in "
        "dollars per million tokens, as in `price: {input: 0.5, output: 1.5}` (0 for a server that is free)"
    )


def table_date() -> str:
    """What the list prices are from. The table carries no date of its own, so its release and content name it."""
    try:
        release = version("litellm")
    except PackageNotFoundError:
        release = "(unknown release)"
    digest = hashlib.sha256(_path().read_bytes()).hexdigest()[:8]
    return f"price table packaged with LiteLLM {release} (undated; sha256 {digest})"


def rows_of(model: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows that may be meant: the full name, then the name behind `provider/`, `provider/region/` and so on."""
    known = table()
    if model in known and model != "sample_spec":
        yield model, known[model]
    provider, *rest = model.split("/")
    while rest:
        name = "/".join(rest)
        row = known.get(name)
        if row and str(row.get("litellm_provider", "")).startswith(provider):
            yield name, row
        rest = rest[1:]


def _row(model: str, modes: Sequence[str]) -> Mapping[str, Any]:
    """The row that prices a model; empty where none does."""
    for name, row in rows_of(model):
        if row.get("mode") in modes and (price := _price(row)) and not price.free:
            return row
        if name == model:
            break  # known by its full name, and not with a price per token
    return {}


def _names(provider: str, modes: Sequence[str]) -> Iterator[str]:
    """The names of one provider's models as LiteLLM takes them, or all names."""
    for name, row in table().items():
        if row.get("mode") in modes and str(row.get("litellm_provider", "")).startswith(provider):
            yield name if not provider or name.startswith(provider + "/") else f"{provider}/{name}"


def _price(row: Mapping[str, Any]) -> Price | None:
    if tiers := row.get("tiered_pricing"):
        steps = sorted((int(tier["range"][0]), _rates(tier)) for tier in tiers if "range" in tier)
        if not steps or any(price is None for _, price in steps):
            return None
        first = steps[0][1]
        later = tuple((start, price) for start, price in steps[1:] if price)
        return _with_above(first, later) if first else None
    base = _rates(row)
    starts = {int(found[1]) for key in row if (found := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key))}
    itself = row.get("litellm_provider") == "xai"  # whose dearer price begins with that many tokens, not behind them
    above = ((1000 * start - itself, _rates(row, f"_above_{start}k_tokens")) for start in sorted(starts))
    return _with_above(base, tuple((start, price) for start, price in above if price)) if base else None


def _with_above(price: Price, above: tuple[tuple[int, Price], ...]) -> Price:
    return Price(price.input, price.output, price.cached_input, price.reasoning, price.cache_write, above)


def _rates(row: Mapping[str, Any], suffix: str = "") -> Price | None:
    def rate(name: str) -> float | None:
        dollars = row.get(name + suffix, row.get(name))
        return round(float(dollars) * 1e6, 9) if isinstance(dollars, int | float) else None

    found: dict[str, Any] = {ours: rate(name) for ours, name in RATES.items()}
    read, wrote = found.pop("input"), found.pop("output")
    return None if read is None or wrote is None else Price(read, wrote, **found)


def _or(rate: float | None, default: float) -> float:
    return default if rate is None else rate


def _path() -> Path:
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("LiteLLM is not installed, so there is no price table; install it: pip install litellm")
    return Path(next(iter(spec.submodule_search_locations))) / TABLE


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    try:
        found: Mapping[str, Mapping[str, Any]] = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"LiteLLM's price table cannot be read ({error}); reinstall LiteLLM, or state prices in the task file"
        ) from error
    return found
