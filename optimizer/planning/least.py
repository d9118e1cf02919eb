"""Budgets that are too small for what a run cannot do without are refused before the first call."""

from __future__ import annotations

import math
from collections import Counter

from optimizer.data.split import Split
from optimizer.errors import ConfigError
from optimizer.planning.estimate import Estimate
from optimizer.prompt.suite import calls_of
from optimizer.task import Task


def least_minutes(task: Task, parts: Split, expected: Estimate) -> tuple[float, str]:
    """How long baseline, confirmation and the least of a search take at the stated requests per minute, and the model
    that makes it so; 0 if none states a limit. Only source and targets count."""
    asked: Counter[tuple[str, int]] = Counter()
    settings, calls = task.settings, calls_of(task.prompt)
    held_out = len(parts.test) * settings.decision.draws
    own = [expected.roles["source"].calls, *((2 * held_out + need.first) * calls for need in expected.needs)]
    for section, number in zip((settings.source, *settings.targets), own, strict=True):
        if section.limits.rpm:
            asked[section.model, section.limits.rpm] += number
    slowest = max(asked, key=lambda one: asked[one] / one[1], default=("", 1))
    return asked[slowest] / slowest[1], f"{slowest[0]} at {slowest[1]:,} requests a minute"


def refuse_small_budget(task: Task, parts: Split, expected: Estimate) -> None:
    """Raise ConfigError if not even baseline and confirmation can be paid for."""
    budget, least = task.settings.budget, expected.least
    takes = "is too small: baseline, confirmation and the least of a search take"
    way_out = "raise it, use fewer examples, or record the source's outputs (data.source)"
    limit_replies = "state max_tokens in the models' params"
    if budget.calls is not None and budget.calls < least.calls:
        raise ConfigError(f"budget.calls: {budget.calls:,} {takes} {least.calls:,} calls; {way_out}")
    if budget.dollars is not None and budget.dollars < least.dollars:
        raise ConfigError(
            f"budget.dollars: {budget.dollars:g} {takes} about ${least.dollars:.4g}; {way_out}, or {limit_replies}"
        )
    if budget.tokens is not None and budget.tokens < least.tokens:
        raise ConfigError(
            f"budget.tokens: {budget.tokens:,} {takes} about {least.tokens:,} tokens; {way_out}, or {limit_replies}"
        )
    minutes, why = least_minutes(task, parts, expected)
    if budget.minutes is not None and budget.minutes < minutes - 1:  # a limit may let a minute's requests go at once
        raise ConfigError(
            f"budget.minutes: {budget.minutes:g} {takes} about {math.ceil(minutes):,} minutes ({why}); {way_out}, or "
            "raise limits.rpm"
        )
