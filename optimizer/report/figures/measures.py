"""What was measured on the held-out examples, side by side: each figure with its bounds and its number of examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from optimizer.objective import Evaluation
from optimizer.report.figures import intervals
from optimizer.report.figures.intervals import Measured
from optimizer.results.migration import TargetResult
from optimizer.types import Output
from optimizer.verdict.statistics import paired

Unit = Literal["score", "share", "dollars", "seconds", "tokens"]


@dataclass(frozen=True)
class Measure:
    """One line of the table. `up`: more is better (None: neither). `change`: migrated against source, in the figure's
    own unit for scores and shares, relative for amounts; NaN where the source's is nought or unknown."""

    key: str
    name: str
    unit: Unit
    up: bool | None
    source: Measured
    unchanged: Measured | None
    migrated: Measured
    change: Measured

    @property
    def better(self) -> bool | None:
        """None: neither, or alike."""
        gap = self.migrated.value - self.source.value
        return None if self.up is None or not gap or math.isnan(gap) else (gap > 0) == self.up


def measures(result: TargetResult) -> list[Measure]:
    """Bounds hold each at the confidence of the target's own verdict."""
    level = result.decision.confidence
    valid = _share(result, level, "valid", "Valid replies", lambda output: output.status == "ok")
    return [
        _quality(result, level),
        *_median(result, level),
        valid,
        *_declined(result, level),
        *_cut(result, level),
        *_amounts(result, level),
    ]


def _quality(result: TargetResult, level: float) -> Measure:
    met, found = result.confirmation, result.decision.comparison

    def of(side: Evaluation) -> Measured:
        return intervals.score([mark.value for _, mark in side.scored], level)

    source, migrated = of(met.source), of(met.winner)
    change = Measured(migrated.value - source.value, n=min(source.n, migrated.n))
    both = _both(met.source, met.winner)
    ours, theirs = [met.winner.scores[i].value for i in both], [met.source.scores[i].value for i in both]
    gap = (sum(ours) - sum(theirs)) / max(1, len(both))
    if len(both) == found.n and abs(gap - found.mean) < 1e-9:
        change = Measured(found.mean, found.low, found.high, found.n)
    elif both:
        again = paired(ours, theirs, margin=0.0, confidence=level)
        change = Measured(again.mean, again.low, again.high, again.n)
    return Measure("quality", "Quality (mean score)", "score", True, source, _or(of, met.unchanged), migrated, change)


def _median(result: TargetResult, level: float) -> list[Measure]:
    """Beside the mean: whether a few bad answers or all of them make the difference. Of scores that are only right or
    wrong it tells nothing."""
    met = result.confirmation
    sides = [met.source, met.winner, *([met.unchanged] if met.unchanged else [])]
    if {mark.value for side in sides for _, mark in side.scored} <= {0.0, 1.0}:
        return []

    def of(side: Evaluation, confidence: float = level) -> Measured:
        values = [mark.value for _, mark in side.scored]
        return intervals.percentile(values, 0.5, confidence, median(values) if values else math.nan)

    half = 1 - (1 - level) / 2
    change = intervals.difference(of(met.winner, half), of(met.source, half))
    key, name = "quality_median", "Quality, median"
    return [Measure(key, name, "score", True, of(met.source), _or(of, met.unchanged), of(met.winner), change)]


def _declined(result: TargetResult, level: float) -> list[Measure]:
    """What a model, its provider's filter or a gateway's guardrail declined: counted apart from wrong answers."""
    met = result.confirmation
    if not any(side.refused for side in (met.source, met.unchanged, met.winner) if side):
        return []
    return [_share(result, level, "declined", "Declined by model or filter", lambda o: o.status == "refused", up=False)]


def _cut(result: TargetResult, level: float) -> list[Measure]:
    """What ended at the token limit: a text that ends early may be valid all the same."""
    met = result.confirmation
    if not any(side.cut for side in (met.source, met.unchanged, met.winner) if side):
        return []
    return [_share(result, level, "cut_off", "Cut off at the token limit", lambda o: o.cut > 0, up=False)]


def _share(
    result: TargetResult, level: float, key: str, name: str, counts: Callable[[Output], bool], *, up: bool = True
) -> Measure:
    met = result.confirmation

    def ok(side: Evaluation) -> list[bool]:
        return [counts(output) for output in side.answered]

    def of(side: Evaluation) -> Measured:
        return intervals.share(ok(side), level)

    both = _both(met.source, met.winner)
    sides = [[float(counts(side.outputs[i])) for i in both] for side in (met.winner, met.source)]
    change = Measured(math.nan)
    if both:
        found = paired(*sides, margin=0.0, confidence=level)
        change = Measured(found.mean, found.low, found.high, found.n)
    return Measure(key, name, "share", up, of(met.source), _or(of, met.unchanged), of(met.winner), change)


def _amounts(result: TargetResult, level: float) -> list[Measure]:
    def told(key: str, name: str, unit: Unit, of: str, scale: float = 1.0, *, up: bool | None = False) -> Measure:
        met = result.confirmation

        def mean(side: Evaluation) -> Measured:
            return intervals.mean([scale * value for value in _values(side, of)], level)

        both = _both(met.source, met.winner) if of not in met.source.unmeasured | met.winner.unmeasured else []
        pairs = [(getattr(met.winner.outputs[i], of), getattr(met.source.outputs[i], of)) for i in both]
        change = intervals.ratio_of_means([a for a, _ in pairs], [b for _, b in pairs], level)
        return Measure(key, name, unit, up, mean(met.source), _or(mean, met.unchanged), mean(met.winner), change)

    return [
        told("cost_per_1000", "Cost per 1,000 calls", "dollars", "cost", 1000),
        told("latency_mean", "Latency, mean", "seconds", "latency"),
        _percentile(result, "latency_median", "Latency, median", 0.5, level),
        _percentile(result, "latency_p95", "Latency, 95th percentile", 0.95, level),
        told("input_tokens", "Input tokens", "tokens", "input_tokens", up=None),
        told("output_tokens", "Output tokens", "tokens", "output_tokens", up=None),
    ]


def _percentile(result: TargetResult, key: str, name: str, q: float, level: float) -> Measure:
    met = result.confirmation

    def of(side: Evaluation, confidence: float = level) -> Measured:
        value = side.median_latency if q == 0.5 else side.p95_latency
        return intervals.percentile(_values(side, "latency"), q, confidence, value)

    half = 1 - (1 - level) / 2
    change = intervals.ratio_of_percentiles(of(met.winner, half), of(met.source, half))
    return Measure(key, name, "seconds", False, of(met.source), _or(of, met.unchanged), of(met.winner), change)


def _values(side: Evaluation, of: str) -> list[float]:
    return [] if of in side.unmeasured else [float(getattr(output, of)) for output in side.answered]


def _both(one: Evaluation, other: Evaluation) -> Sequence[int]:
    pairs = zip(one.outputs, other.outputs, strict=True)
    return [i for i, both in enumerate(pairs) if "failed" not in {output.status for output in both}]


def _or(of: Callable[[Evaluation], Measured], side: Evaluation | None) -> Measured | None:
    return of(side) if side else None
