"""Decide, once, on examples that the search never saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from statistics import fmean, pstdev
from typing import Literal, Protocol

from optimizer.errors import DataError
from optimizer.metrics.scrutiny import Scrutiny
from optimizer.metrics.whole import Figure
from optimizer.objective import Check, Constraints, Evaluation
from optimizer.types import Example, Output
from optimizer.verdict import reasons
from optimizer.verdict.constraints import as_numbers, checked
from optimizer.verdict.slices import SliceResult
from optimizer.verdict.statistics import Comparison, Noise, examples_needed, noise, paired

__all__ = ["Comparison", "Confirmation", "Decision", "Standard", "Verdict", "decide", "standard_of"]

#: What the target is held against. "gold": the source's scores against gold answers. "parity": where the
#: source's own answers are the reference, how well the source, asked again, agrees with them. "mixed": both, each
#: example (or metric) by what it has; the source asked again is the standard here too.
Standard = Literal["gold", "parity", "mixed"]

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
class Confirmation:
    """Everyone's meeting with the held-out examples, in the same order.

    `again` is the source asked a second time (None where its outputs were recorded elsewhere): how well it
    agrees with itself is what parity is judged against. Without a search there is no `unchanged`: then `winner` is
    what the target answered to whatever prompt it was given. Where examples were asked several times, the sides have
    the mean scores, and `draws` has every single draw of a side by the side's name.
    """

    source: Evaluation
    unchanged: Evaluation | None
    winner: Evaluation
    again: Evaluation | None = None
    draws: Mapping[str, tuple[Evaluation, ...]] = field(default_factory=dict)


class _Against(Protocol):
    @property
    def against(self) -> str: ...


def standard_of(metrics: Iterable[_Against], examples: Iterable[Example]) -> Standard:
    """Where a score is agreement with the source's answer, the source's agreement with itself is the standard."""
    against, gold = {metric.against for metric in metrics}, [example.expected is not None for example in examples]
    if against <= ({"gold", "auto"} if all(gold) else {"gold"}):
        return "gold"
    return "mixed" if "gold" in against or ("auto" in against and any(gold)) else "parity"


def decide(
    confirmation: Confirmation,
    *,
    constraints: Constraints,
    margin: float,
    confidence: float,
    standard: Standard = "gold",
    slices: tuple[SliceResult, ...] = (),
    figures: tuple[Figure, ...] = (),
    judges: tuple[Scrutiny, ...] = (),
    family: Family | None = None,
) -> Decision:
    """Migrate if the winner is surely not worse than the standard by the margin and keeps every constraint.

    An example that either side lost (status "failed") counts for neither. A broken constraint means "stay"
    only where chance does not explain it; otherwise the verdict is open. A figure over the whole set is held to the
    same margin: to migrate, the mean score and every figure must pass, so none of them can be passed by luck oftener
    than 1 - confidence.
    """
    kept, theirs = pairs_of(confirmation, standard)
    comparison = comparison_of(confirmation, standard, margin=margin, confidence=confidence)
    measured = confirmation.winner.answered
    checks, broken = checked(constraints, measured, slices, confidence)
    spread = _noise(confirmation, kept, standard)

    verdict, needed = Verdict.INCONCLUSIVE, None
    if _lost(confirmation, theirs) <= LOST * len(theirs.outputs):
        if comparison.n >= FEWEST:
            verdict = _verdict(comparison, broken, margin, confidence, figures)
        if verdict is Verdict.INCONCLUSIVE:
            needed = _needed(comparison, broken, measured, margin, confidence)
    decision = Decision(
        verdict, "", comparison, margin, confidence, checks, needed, slices, figures, judges, spread, family
    )
    return replace(decision, reason=_reason(decision, confirmation, standard, broken))


def _reason(decision: Decision, confirmation: Confirmation, standard: Standard, broken: Mapping[Check, bool]) -> str:
    d, comparison = decision, decision.comparison
    theirs = pairs_of(confirmation, standard)[1]
    sentences = [
        reasons.quality(comparison, d.margin, d.confidence, standard, again=confirmation.again is not None),
        *(reasons.of_figure(figure, d.margin, d.confidence) for figure in d.figures),
        *(reasons.about(check, sure=sure) for check, sure in broken.items()),
        "Every constraint is kept." if d.checks and not broken else "",
        reasons.hidden(d.slices, d.confidence),
        reasons.losses(_lost(confirmation, theirs), len(theirs.outputs), _unscored(confirmation, theirs), LOST),
        f"Fewer than {FEWEST} pairs give no verdict." if comparison.n < FEWEST else "",
        reasons.outlook(d.needed, comparison.n) if d.needed else "",
        reasons.of_noise(d.noise) if d.noise and d.verdict is Verdict.INCONCLUSIVE else "",
        reasons.of_family(d.family.size, d.family.confidence) if d.family and d.family.size > 1 else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def pairs_of(confirmation: Confirmation, standard: Standard) -> tuple[list[int], Evaluation]:
    """The places of the examples that count, and what the target is held against."""
    theirs = confirmation.again if standard != "gold" and confirmation.again else confirmation.source
    return _kept(confirmation, theirs, standard), theirs


def comparison_of(confirmation: Confirmation, standard: Standard, *, margin: float, confidence: float) -> Comparison:
    """Target against standard on the examples that count."""
    kept, theirs = pairs_of(confirmation, standard)
    ours = [confirmation.winner.scores[i].value for i in kept]
    return paired(ours, [theirs.scores[i].value for i in kept], margin=margin, confidence=confidence)


def _noise(confirmation: Confirmation, kept: Sequence[int], standard: Standard) -> Noise | None:
    """Between examples, and between draws of one; None where nothing was drawn twice."""
    name = "again" if standard != "gold" and confirmation.again else "source"

    def drawn(side: str) -> list[list[float]]:
        draws = confirmation.draws.get(side) or (getattr(confirmation, side),)
        return [[d.scores[i].value for d in draws if d.outputs[i].status != "failed"] for i in kept]

    return noise(drawn("winner"), drawn(name)) if confirmation.draws else None


def _verdict(
    comparison: Comparison, broken: Mapping[Check, bool], margin: float, confidence: float, figures: Sequence[Figure]
) -> Verdict:
    if comparison.high < -margin or any(broken.values()) or any(figure.worse(margin) for figure in figures):
        return Verdict.STAY
    held = all(figure.held(margin) for figure in figures)
    if comparison.p_value <= 1 - confidence and not broken and held:
        return Verdict.MIGRATE
    return Verdict.INCONCLUSIVE


def _kept(confirmation: Confirmation, theirs: Evaluation, standard: Standard) -> list[int]:
    """The examples on which both sides answered; for parity the source's first answer must be one to agree with."""
    source, winner = confirmation.source.outputs, confirmation.winner.outputs
    sides = [[output.example_id for output in side] for side in (source, theirs.outputs, winner)]
    if not sides[0] == sides[1] == sides[2]:
        raise DataError("confirmation: source and target were not given the same examples in the same order")
    answered = [
        i for i, both in enumerate(zip(theirs.outputs, winner, strict=True)) if "failed" not in {o.status for o in both}
    ]
    return [i for i in answered if source[i].status == "ok"] if standard != "gold" else answered


def _lost(confirmation: Confirmation, theirs: Evaluation) -> int:
    sides = (confirmation.source.outputs, theirs.outputs, confirmation.winner.outputs)
    return sum("failed" in {output.status for output in row} for row in zip(*sides, strict=True))


def _unscored(confirmation: Confirmation, theirs: Evaluation) -> list[str]:
    """Why answers that are there could not be scored; of each example once."""
    both = zip(theirs.outputs, confirmation.winner.outputs, strict=True)
    found = ([o.error or "" for o in row if o.status == "failed" and o.text] for row in both)
    return [errors[0] for errors in found if errors]


def _needed(
    comparison: Comparison, broken: Iterable[Check], outputs: Sequence[Output], margin: float, confidence: float
) -> int | None:
    """Enough for the quality, where it is open, and for every constraint that is."""
    counts: list[int | None] = []
    if comparison.p_value > 1 - confidence and comparison.high >= -margin:
        counts.append(examples_needed(comparison.mean, comparison.sd, margin, confidence))
    for check in (check for check in broken if check.name != "slice_drop"):
        numbers, limit = as_numbers(check, outputs)
        scale = max(1.0, limit)  # the formula thinks in scores; dollars and tokens are brought to its size
        counts.append(examples_needed((limit - fmean(numbers)) / scale, pstdev(numbers) / scale, 0.0, confidence))
    known = [count for count in counts if count is not None]
    return max(comparison.n + 1, FEWEST, *known) if len(known) == len(counts) else None
