"""What a longer prompt costs: how far it grew, and where the growth uses up what the cheaper model saves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizer.config.model_settings import ModelSettings, PriceSettings
from optimizer.errors import ConfigError
from optimizer.models.money.prices import Price
from optimizer.objective import Evaluation
from optimizer.pricing import price_of
from optimizer.results.migration import Migration, TargetResult

_NEAR = 0.02  # what measured costs may differ from tokens times price, and still follow it


@dataclass(frozen=True)
class Growth:
    """Mean tokens of a call on `n` held-out examples. Without a price that explains the measured cost, or where the
    source's cost is not known, there is no `even`.

    `even`: the input tokens at which a call costs what it cost with the source, replies staying as long as they are.
    `even_price`: dollars per million input tokens at which the prompt as it is does so. Below nought: the replies
    alone cost more.
    """

    n: int
    source: float
    unchanged: float | None
    migrated: float
    output_tokens: float
    source_cost: float
    cost: float
    price: Price | None
    even: float | None
    even_price: float | None

    @property
    def factor(self) -> float | None:
        """The migrated prompt against the unchanged one, by the target's own count."""
        return self.migrated / self.unchanged if self.unchanged else None


def growth(migration: Migration, place: int) -> Growth | None:
    """Of the target at this place; None where its tokens were not recorded."""
    result: TargetResult = migration.targets[place]
    met = result.confirmation
    if math.isnan(met.winner.input_tokens) or not met.winner.answered:
        return None
    price = _explains(_price(migration.settings, place), met.winner)
    read, wrote = met.winner.input_tokens, met.winner.output_tokens
    even = even_price = None
    if price and not math.isnan(met.source.cost) and met.source.cost > 0:
        left = 1e6 * met.source.cost - price.output * wrote
        even = left / price.input if price.input else None
        even_price = left / read if read else None
    unchanged = met.unchanged.input_tokens if met.unchanged else None
    n = len(met.winner.answered)
    sides = (met.source.input_tokens, unchanged, read, wrote, met.source.cost, met.winner.cost)
    return Growth(n, *sides, price, even, even_price)


def _price(settings: Mapping[str, Any], place: int) -> Price | None:
    """As the run knew it, of comparisons too."""
    targets = settings.get("targets") or ()
    if place >= len(targets):
        return None
    section = targets[place]
    try:
        given = PriceSettings(**section["price"]) if section.get("price") else None
        hourly = section.get("provisioned")
        return price_of(ModelSettings(model=section["model"], price=given, provisioned=hourly))
    except (ConfigError, ValueError):
        return None


def _explains(price: Price | None, side: Evaluation) -> Price | None:
    """The price, where tokens times it is the measured cost: not with tiers, with reads from a prompt cache, ..."""
    if price is None or price.above or price.call or math.isnan(side.cost) or math.isnan(side.output_tokens):
        return None
    reckoned = (side.input_tokens * price.input + side.output_tokens * price.output) / 1e6
    return price if abs(reckoned - side.cost) <= _NEAR * side.cost else None


def in_words(found: Growth) -> list[str]:
    lines = []
    if found.unchanged and found.factor:
        kind = "as many" if abs(found.factor - 1) < 0.005 else f"{found.factor:.2f} times as many"
        lines.append(
            f"A call has {found.migrated:,.0f} input tokens with the migrated prompt and {found.unchanged:,.0f} with "
            f"the unchanged one: {kind}, by the target's own count (means of {found.n:,} held-out examples)."
        )
    if not found.price or found.even is None or found.even_price is None:
        why = "the cost is not plain tokens times a known price"
        return [*lines, f"At what length the saving is used up cannot be said: {why}."]
    return [*lines, _even(found, found.price.input, found.even, found.even_price)]


def _even(found: Growth, price: float, even: float, even_price: float) -> str:
    cost = f"${1000 * found.source_cost:,.4f} per 1,000 calls"
    if even <= 0:
        return f"At any length of the prompt the target costs more than the source ({cost}): its replies alone do."
    now = f"{found.migrated:,.0f}"
    reached = (
        f"The prompt is past that point: at {now} tokens it costs more"
        if found.migrated > even
        else f"A call could have {even / found.migrated:.1f} times its {now} input tokens before that"
    )
    return (
        f"At ${price:g} per million input tokens the saving is used up when a call has {even:,.0f} input tokens: it "
        f"then costs as much as with the source ({cost}). {reached}. With the prompt as it is, the same happens at a "
        f"price of ${even_price:,.2f} per million input tokens."
    )
