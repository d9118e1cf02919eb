"""Decide, once, on examples that the search never saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from math import sqrt
from statistics import NormalDist, fmean, pstdev

from optimizer.metrics.judges.scrutiny import Scrutiny
from optimizer.metrics.whole import Figure
from optimizer.objective import Check, Constraints
from optimizer.types import Output
from optimizer.verdict import reasons
from optimizer.verdict.constraints import as_numbers, checked
from optimizer.verdict.matched import MatchedPairs
from optimizer.verdict.slices import SliceResult
from optimizer.verdict.statistics import Comparison, Noise, examples_needed, smallest_difference

FEWEST = 10  # pairs; on fewer no verdict is given
LOST = 0.05  # a larger share of examples without an answer may hide the very ones that go wrong


class Verdict(Enum):
    MIGRATE = "migrate"
    STAY = "stay"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Decision:
    """`needed`: about how many held-out examples would settle an inconclusive comparison (None: no number would)."""

    verdict: Verdict
    reason: str
    comparison: Comparison
    margin: float
    confidence: float
    checks: tuple[Check, ...] = ()
    needed: int | None = None
    slices: tuple[SliceResult, ...] = ()
    figures: tuple[Figure, ...] = ()
    judges: tuple[Scrutiny, ...] = ()
    noise: Noise | None = None
    family: Family | None = None


@dataclass(frozen=True)
class Family:
    """Several targets that are decided on together: `confidence` holds for all `size` verdicts at once."""

    size: int
    confidence: float


@dataclass(frozen=True)
class Basis:
    """What a decision is made of: the pairs, what was agreed on before, and what else they show than their mean."""

    pairs: MatchedPairs
    constraints: Constraints
    margin: float
    confidence: float
    family: Family | None = None
    slices: tuple[SliceResult, ...] = ()
    figures: tuple[Figure, ...] = ()
    judges: tuple[Scrutiny, ...] = ()

    @cached_property
    def comparison(self) -> Comparison:
        return self.pairs.compared(self.margin, self.confidence)

    @property
    def measured(self) -> tuple[Output, ...]:
        """What the constraints are held against."""
        return self.pairs.confirmation.winner.answered


def decide(basis: Basis) -> Decision:
    """Migrate if the winner is surely not worse than the standard by the margin and keeps every constraint.

    An example that either side lost (status "failed") counts for neither. A broken constraint means "stay"
    only where chance does not explain it; otherwise the verdict is open. A figure over the whole set is held to the
    same margin: to migrate, the mean score and every figure must pass, so none of them can be passed by luck oftener
    than 1 - confidence.
    """
    pairs, comparison = basis.pairs, basis.comparison
    checks, broken = checked(basis.constraints, basis.measured, basis.slices, basis.confidence)
    verdict, needed = Verdict.INCONCLUSIVE, None
    if pairs.lost <= LOST * len(pairs.theirs.outputs):
        if comparison.n >= FEWEST:
            verdict = _verdict(basis, broken)
        if verdict is Verdict.INCONCLUSIVE:
            needed = _needed(basis, broken)
    decision = Decision(
        verdict,
        reason="",
        comparison=comparison,
        margin=basis.margin,
        confidence=basis.confidence,
        checks=checks,
        needed=needed,
        slices=basis.slices,
        figures=basis.figures,
        judges=basis.judges,
        noise=pairs.spread,
        family=basis.family,
    )
    return replace(decision, reason=_reason(decision, pairs, broken))


def _reason(decision: Decision, pairs: MatchedPairs, broken: Mapping[Check, bool]) -> str:
    d, comparison = decision, decision.comparison
    again = pairs.confirmation.again is not None
    sentences = [
        reasons.quality(comparison, d.margin, d.confidence, pairs.standard, again=again),
        *(reasons.of_figure(figure, d.margin, d.confidence) for figure in d.figures),
        *(reasons.about(check, sure=sure) for check, sure in broken.items()),
        "Every constraint is kept." if d.checks and not broken else "",
        reasons.hidden(d.slices, d.confidence),
        reasons.losses(pairs.lost, len(pairs.theirs.outputs), pairs.unscored, LOST),
        f"Fewer than {FEWEST} pairs give no verdict." if comparison.n < FEWEST else "",
        reasons.outlook(d.needed, comparison.n) if d.needed else "",
        reasons.of_noise(d.noise) if d.noise and d.verdict is Verdict.INCONCLUSIVE else "",
        reasons.of_family(d.family.size, d.family.confidence) if d.family and d.family.size > 1 else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _verdict(basis: Basis, broken: Mapping[Check, bool]) -> Verdict:
    comparison, margin = basis.comparison, basis.margin
    if comparison.high < -margin or any(broken.values()) or any(figure.worse(margin) for figure in basis.figures):
        return Verdict.STAY
    held = all(figure.held(margin) for figure in basis.figures)
    if comparison.p_value <= 1 - basis.confidence and not broken and held:
        return Verdict.MIGRATE
    return Verdict.INCONCLUSIVE


def _needed(basis: Basis, broken: Iterable[Check]) -> int | None:
    """Enough for the quality, where it is open, and for every figure and every constraint that is."""
    comparison, margin, confidence = basis.comparison, basis.margin, basis.confidence
    counts: list[int | None] = []
    if comparison.p_value > 1 - confidence and comparison.high >= -margin:
        counts.append(examples_needed(comparison.mean, comparison.sd, margin, confidence))
    counts += [_needed_for(figure, margin, confidence) for figure in basis.figures if not figure.held(margin)]
    for check in (check for check in broken if check.name != "slice_drop"):
        numbers, limit = as_numbers(check, basis.measured)
        scale = max(1.0, limit)  # the formula thinks in scores; dollars and tokens are brought to its size
        counts.append(examples_needed((limit - fmean(numbers)) / scale, pstdev(numbers) / scale, 0.0, confidence))
    known = [count for count in counts if count is not None]
    return max(comparison.n + 1, FEWEST, *known) if len(known) == len(counts) else None


def _needed_for(figure: Figure, margin: float, confidence: float) -> int | None:
    """By its bounds: they come nearer with the root of the number, unless all that they show is what was not seen."""
    if figure.low is None or figure.high is None:
        return None
    reach, unseen = (figure.high - figure.low) / 2, smallest_difference(figure.n, 0.0, confidence)
    sd = reach * sqrt(figure.n) / NormalDist().inv_cdf(confidence) if reach > unseen + 1e-9 else 0.0
    return examples_needed((figure.low + figure.high) / 2, sd, margin, confidence)
