"""What fresh answers say about each threshold, and all of them together.

A threshold is met by what was measured, broken where chance does not explain that it was missed, and open in between.
One broken threshold fails the gate; an open one, too many lost answers or too few examples leave it inconclusive: a
statistic that cannot be reckoned is never a pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from optimizer.exporters.bundle.verifying import Verified
from optimizer.gate.examples import Sealed
from optimizer.metrics import Metric
from optimizer.metrics.whole import Row, alone, mean_bounds
from optimizer.models.money.book import Spend
from optimizer.objective import Check, Evaluation
from optimizer.verdict.confirm import FEWEST, LOST
from optimizer.verdict.constraints import surely_broken
from optimizer.verdict.statistics import paired

GateVerdict = Literal["pass", "fail", "inconclusive"]
EXIT_CODES: Mapping[str, int] = {"pass": 0, "fail": 10, "inconclusive": 11}
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Threshold:
    """`sealed`: as it was measured for the bundle. `rule`: whether `limit` is the least or the most allowed."""

    name: str
    value: float
    rule: Literal["least", "most"]
    limit: float
    sealed: float | None
    state: Literal["met", "broken", "open"]
    words: str


@dataclass(frozen=True)
class Case:
    """One example: how it scored then (None: new, or without a score) and now, and what is wrong with the answer."""

    id: str
    sealed: float | None
    score: float | None
    status: str
    words: str = ""

    @property
    def worse(self) -> bool:
        fell = self.sealed is not None and self.score is not None and self.score < self.sealed - _ROUNDING
        return self.status != "ok" or fell


@dataclass(frozen=True)
class GateResult:
    verdict: GateVerdict
    reason: str
    model: str
    examples: str
    thresholds: tuple[Threshold, ...]
    cases: tuple[Case, ...]
    spend: Mapping[str, Spend] = field(default_factory=dict)
    signed_by: str = ""
    bundle: str = ""
    decided: str = ""

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def weighed(
    found: Verified, sealed: Sealed, evaluation: Evaluation, metric: Metric, *, model: str, spend: Mapping[str, Spend]
) -> GateResult:
    """`evaluation` is of the sealed examples, in their order."""
    agreed = found.bundle["gate"]
    thresholds = (
        *_quality(agreed, sealed, evaluation),
        *_limits(agreed, evaluation),
        *_figures(agreed, sealed, evaluation, metric),
    )
    verdict, reason = _verdict(thresholds, evaluation)
    return GateResult(
        verdict,
        reason,
        model,
        f"{len(sealed.examples)} {'new' if sealed.new else 'held-out'} examples",
        thresholds,
        tuple(_cases(sealed, evaluation)),
        spend,
        found.signed_by,
        str(found.bundle["name"]),
        str(found.bundle["approval"]["verdict"]),
    )


def _verdict(thresholds: tuple[Threshold, ...], evaluation: Evaluation) -> tuple[GateVerdict, str]:
    total, answered = len(evaluation.outputs), len(evaluation.answered)
    broken = [one for one in thresholds if one.state == "broken"]
    missed = [one for one in thresholds if one.state == "open"]
    if total - answered > LOST * total:
        return "inconclusive", f"{total - answered} of {total} examples got no answer; ask again."
    if answered < FEWEST:
        return "inconclusive", f"Fewer than {FEWEST} answers give no verdict."
    if broken:
        return "fail", " ".join(one.words for one in broken)
    if missed:
        return "inconclusive", " ".join(one.words for one in missed)
    return "pass", "Every threshold of the bundle is kept."


def _quality(agreed: Mapping[str, Any], sealed: Sealed, evaluation: Evaluation) -> Iterator[Threshold]:
    """Held-out examples are compared each with its own sealed score; of new ones, their mean with the threshold."""
    limit, margin, confidence = agreed["quality"]["least"], agreed["margin"], agreed["confidence"]
    if limit is None:
        return
    fresh = {output.example_id: mark.value for output, mark in evaluation.scored}
    if sealed.new:
        value, bounds = fmean(fresh.values()), mean_bounds(list(fresh.values()), confidence=confidence)
        met, surely = value >= limit - _ROUNDING, bounds is not None and bounds[1] < limit
    else:
        both = [name for name in fresh if name in sealed.scores]
        ours, theirs = [fresh[name] for name in both], [sealed.scores[name] for name in both]
        found = paired(ours, theirs, margin=margin, confidence=confidence)
        value = fmean(ours) if ours else math.nan
        met, surely = bool(ours) and found.mean >= -margin - _ROUNDING, found.high < -margin
    yield _threshold("quality", value, "least", limit, agreed["quality"]["sealed"], met=met, surely=surely)


def _limits(agreed: Mapping[str, Any], evaluation: Evaluation) -> Iterator[Threshold]:
    measured = Evaluation(evaluation.answered, ())
    values = {
        "valid": ("valid", measured.valid),
        "cost_per_1000": ("cost_per_1000", 1000 * measured.cost),
        "latency_p95": ("p95_latency", measured.p95_latency),
    }
    for name, (known_as, value) in values.items():
        rule: Literal["least", "most"] = "least" if name == "valid" else "most"
        limit = agreed[name][rule]
        if limit is None:
            continue
        met = value >= limit - _ROUNDING if rule == "least" else value <= limit + _ROUNDING
        surely = not met and surely_broken(
            Check(known_as, limit, value, met), measured.outputs, float(agreed["confidence"])
        )
        yield _threshold(name, value, rule, limit, agreed[name]["sealed"], met=met, surely=surely)


def _figures(agreed: Mapping[str, Any], sealed: Sealed, evaluation: Evaluation, metric: Metric) -> Iterator[Threshold]:
    pairs = zip(sealed.examples, evaluation.outputs, strict=True)
    rows: list[Row] = [(e, output, sealed.references.get(e.id)) for e, output in pairs if output.status != "failed"]
    for figure in alone(metric, rows, confidence=agreed["confidence"]):
        limit = agreed["figures"].get(figure.name)
        if limit is None:
            continue
        value = math.nan if figure.migrated is None else figure.migrated
        surely = figure.high is not None and figure.high < limit["least"]
        met = value >= limit["least"] - _ROUNDING
        yield _threshold(figure.name, value, "least", limit["least"], limit["sealed"], met=met, surely=surely)


def _threshold(
    name: str,
    value: float,
    rule: Literal["least", "most"],
    limit: float,
    sealed: float | None,
    *,
    met: bool,
    surely: bool,
) -> Threshold:
    state: Literal["met", "broken", "open"] = "met" if met else "broken" if surely else "open"
    word = "at least" if rule == "least" else "at most"
    then = "" if sealed is None else f", sealed {sealed:.4g}"
    chance = "; chance alone may explain it" if state == "open" else ""
    return Threshold(name, value, rule, limit, sealed, state, f"{name}: {value:.4g}, {word} {limit:.4g}{then}{chance}.")


def _cases(sealed: Sealed, evaluation: Evaluation) -> Iterator[Case]:
    for output, mark in zip(evaluation.outputs, evaluation.scores, strict=True):
        score = None if output.status == "failed" else mark.value
        words = output.error or mark.feedback or ""
        yield Case(output.example_id, sealed.scores.get(output.example_id), score, output.status, words)
