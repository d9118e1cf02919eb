"""What a run cannot do without, and budgets that are too small for it: refused before the first call."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from optimizer.config import ModelSettings, Settings
from optimizer.config.model_settings import PriceSettings
from optimizer.data.split import Split
from optimizer.errors import ConfigError
from optimizer.models.money.prices import A_DOLLAR_A_TOKEN
from optimizer.planning.estimate import Estimate, estimate
from optimizer.prompt.suite import calls_of
from optimizer.space import SearchSpace
from optimizer.task import Task

_BY_TOKEN = PriceSettings(input=A_DOLLAR_A_TOKEN.input, output=A_DOLLAR_A_TOKEN.output)


def in_tokens(task: Task, parts: Split, space: SearchSpace) -> Estimate:
    """The estimate with tokens, in and out, in the place of dollars."""
    return estimate(replace(task, settings=_by_token(task.settings)), parts, space)


def least_minutes(task: Task, parts: Split, expected: Estimate) -> tuple[float, str]:
    """How long baseline, confirmation and the least of a search take at the stated requests per minute, and which model
    is why; 0 where none states a limit. The source and the targets alone are reckoned."""
    asked: Counter[tuple[str, int]] = Counter()
    settings, calls = task.settings, calls_of(task.prompt)
    held_out = len(parts.test) * settings.decision.draws
    own = [expected.roles["source"].calls, *((2 * held_out + need.first) * calls for need in expected.needs)]
    for section, number in zip((settings.source, *settings.targets), own, strict=True):
        if section.limits.rpm:
            asked[section.model, section.limits.rpm] += number
    slowest = max(asked, key=lambda one: asked[one] / one[1], default=("", 1))
    return asked[slowest] / slowest[1], f"{slowest[0]} at {slowest[1]:,} requests a minute"


def refuse_small_budget(task: Task, parts: Split, expected: Estimate, tokens: Estimate) -> None:
    """Raise ConfigError, before the first call, where not even baseline and confirmation can be paid for."""
    budget, least = task.settings.budget, expected.least
    takes = "is too small: baseline, confirmation and the least of a search take"
    way_out = "raise it, use fewer examples, or record the source's outputs (data.source)"
    if budget.calls is not None and budget.calls < least.calls:
        raise ConfigError(f"budget.calls: {budget.calls:,} {takes} {least.calls:,} calls; {way_out}")
    if budget.dollars is not None and budget.dollars < least.dollars:
        raise ConfigError(
            f"budget.dollars: {budget.dollars:g} {takes} about ${least.dollars:.4g}; {way_out}, or state max_tokens in "
            "the models' params"
        )
    if budget.tokens is not None and budget.tokens < tokens.least.dollars:
        needed = math.ceil(tokens.least.dollars)
        raise ConfigError(
            f"budget.tokens: {budget.tokens:,} {takes} about {needed:,} tokens; {way_out}, or state max_tokens in the "
            "models' params"
        )
    minutes, why = least_minutes(task, parts, expected)
    if budget.minutes is not None and budget.minutes < minutes - 1:  # a limit may let a minute's requests go at once
        raise ConfigError(
            f"budget.minutes: {budget.minutes:g} {takes} about {math.ceil(minutes):,} minutes ({why}); {way_out}, or "
            "raise limits.rpm"
        )


def _by_token(settings: Settings) -> Settings:
    def priced(section: ModelSettings) -> ModelSettings:
        return section.model_copy(update={"price": _BY_TOKEN, "priced_as": None})

    one = {name: getattr(settings, name) for name in ("source", "proposer", "judge", "embedder")}
    many = {name: getattr(settings, name) for name in ("targets", "judges")}
    return settings.model_copy(
        update={name: section and priced(section) for name, section in one.items()}
        | {name: tuple(map(priced, sections)) for name, sections in many.items()}
    )
