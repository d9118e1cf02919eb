"""One number per evaluation: quality, less what it costs to get it; and the limits no candidate may pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import TypeAlias

from optimizer.errors import PluginError, raised_at
from optimizer.types import Output, Score

Formula: TypeAlias = Callable[[float, float, float], float]
"""Quality, cost and latency, each times its weight, cost and latency in units of the source's; more is better."""


@dataclass(frozen=True)
class Evaluation:
    """Outputs of one program on one set of examples, each with its score, in the same order.

    An output for which no answer was to be had ("failed") is neither good nor bad: no mean counts it.
    `unmeasured` names the amounts (cost, latency, input_tokens, output_tokens) that a record lacks: there is no mean
    of what was not measured.
    """

    outputs: tuple[Output, ...]
    scores: tuple[Score, ...]
    unmeasured: frozenset[str] = frozenset()

    @property
    def answered(self) -> tuple[Output, ...]:
        return tuple(output for output in self.outputs if output.status != "failed")

    @property
    def scored(self) -> tuple[tuple[Output, Score], ...]:
        """Those answered, each with its score."""
        pairs = zip(self.outputs, self.scores, strict=True)
        return tuple((output, mark) for output, mark in pairs if output.status != "failed")

    @property
    def quality(self) -> float:
        """Mean score, 0 to 1."""
        return _mean([mark.value for _, mark in self.scored])

    @property
    def cost(self) -> float:
        """Dollars per example."""
        return self._amount("cost")

    @property
    def latency(self) -> float:
        """Mean seconds per example."""
        return self._amount("latency")

    @property
    def median_latency(self) -> float:
        return median(self._latencies) if self._latencies else math.nan

    @property
    def p95_latency(self) -> float:
        """The nearest-rank 95th percentile, in seconds."""
        ordered = sorted(self._latencies)
        return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else math.nan

    @property
    def refused(self) -> int:
        """How many the model, a filter or a guardrail declined: no wrong answers, though they score nothing."""
        return sum(output.status == "refused" for output in self.outputs)

    @property
    def cut(self) -> int:
        """How many answers were cut off at the token limit, whether or not what came is of use."""
        return sum(output.cut > 0 for output in self.outputs)

    @property
    def valid(self) -> float:
        """Share of replies that keep their contract."""
        return _mean([output.status == "ok" for output in self.answered])

    @property
    def input_tokens(self) -> float:
        return self._amount("input_tokens")

    @property
    def output_tokens(self) -> float:
        return self._amount("output_tokens")

    @property
    def _latencies(self) -> list[float]:
        return [] if "latency" in self.unmeasured else [output.latency for output in self.answered]

    def _amount(self, name: str) -> float:
        return math.nan if name in self.unmeasured else _mean([getattr(output, name) for output in self.answered])


def pooled(draws: Sequence[Evaluation]) -> Evaluation:
    """Several draws of the same examples as one: the mean score of those answered, with the first answer.

    Cost and latency stay those of one answer: a mean of several has no slow ones left.
    """
    rows = [_first(row) for row in zip(*(zip(d.outputs, d.scores, strict=True) for d in draws), strict=True)]
    return Evaluation(tuple(output for output, _ in rows), tuple(mark for _, mark in rows), draws[0].unmeasured)


def _first(row: Sequence[tuple[Output, Score]]) -> tuple[Output, Score]:
    answered = [(output, mark) for output, mark in row if output.status != "failed"]
    if len(answered) < 2:
        return answered[0] if answered else row[0]
    output, mark = answered[0]
    value = fmean(other.value for _, other in answered)
    parts = {name: fmean(other.parts.get(name, 0.0) for _, other in answered) for name in mark.parts}
    return output, replace(mark, value=min(1.0, value), parts=parts)


@dataclass(frozen=True)
class Unit:
    """What one example takes with the source model: the measure for cost (dollars) and latency (seconds)."""

    cost: float
    latency: float

    @classmethod
    def of(cls, baseline: Iterable[Output]) -> Unit:
        """The means over the source's answers; those that were not to be had say nothing."""
        answered = [output for output in baseline if output.status != "failed"]
        return cls(fmean(o.cost for o in answered), fmean(o.latency for o in answered))


@dataclass(frozen=True)
class Objective:
    """`quality * score  -  cost * (cost / source's cost)  -  latency * (latency / source's latency)`.

    `formula` makes something else of these three weighted terms; it is asked for every single answer, and the mean is
    what counts. Raises PluginError where it gives no number.
    """

    quality: float = 1.0
    cost: float = 0.02
    latency: float = 0.0
    formula: Formula | None = None

    def of(self, score: float, cost: float, latency: float, unit: Unit) -> float:
        quality = self.quality * score
        dollars, seconds = self.cost * _ratio(cost, unit.cost), self.latency * _ratio(latency, unit.latency)
        return quality - dollars - seconds if self.formula is None else self._own(quality, dollars, seconds)

    def _own(self, *terms: float) -> float:
        shown = getattr(self.formula, "__qualname__", repr(self.formula))
        try:
            value = float(self.formula(*terms))  # type: ignore[misc]
        except Exception as error:
            raise PluginError(f"objective {shown!r}: failed on {terms}: {error!r}{raised_at(error)}") from error
        if not math.isfinite(value):
            raise PluginError(f"objective {shown!r}: {value!r} is no value for {terms}; give a finite number")
        return value

    def __call__(self, evaluation: Evaluation, unit: Unit) -> float:
        return self.of(evaluation.quality, evaluation.cost, evaluation.latency, unit)


@dataclass(frozen=True)
class Check:
    """One constraint, held against what was measured."""

    name: str
    limit: float
    value: float
    met: bool


@dataclass(frozen=True)
class Constraints:
    """Hard limits; None means no limit. `valid`: least share of valid replies; `p95_latency`: seconds;
    `cost_per_1000`: dollars per 1,000 calls; `prompt_tokens`: mean input tokens per call; `slice_drop`: by how much
    the quality of a slice may surely be worse than the source's, which is checked on held-out examples only."""

    valid: float | None = None
    p95_latency: float | None = None
    cost_per_1000: float | None = None
    prompt_tokens: float | None = None
    slice_drop: float | None = None

    def check(self, evaluation: Evaluation) -> tuple[Check, ...]:
        measured = {
            "valid": evaluation.valid,
            "p95_latency": evaluation.p95_latency,
            "cost_per_1000": 1000 * evaluation.cost,
            "prompt_tokens": evaluation.input_tokens,
        }
        limits = {name: limit for name in measured if (limit := getattr(self, name)) is not None}
        return tuple(
            Check(name, limit, value := measured[name], value >= limit if name == "valid" else value <= limit)
            for name, limit in limits.items()
        )


def _ratio(value: float, unit: float) -> float:
    """A source that costs nothing (or was recorded without latency) is no measure: the term drops out."""
    return value / unit if unit else 0.0


def _mean(values: Sequence[float]) -> float:
    """No number where there is nothing to count: never a silent zero."""
    return fmean(values) if values else math.nan
