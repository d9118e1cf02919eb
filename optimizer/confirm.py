"""Decide, once, on examples that the search never saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist, fmean, pstdev
from typing import Literal, Protocol

from optimizer.errors import DataError
from optimizer.objective import Check, Constraints, Evaluation
from optimizer.statistics import Comparison, examples_needed, paired
from optimizer.types import Output

__all__ = ["Comparison", "Confirmation", "Decision", "Standard", "Verdict", "decide", "standard_of"]

#: What the target is held against. "gold": the source's scores against gold answers. "parity": where the
#: source's own answers are the reference, how well the source, asked again, agrees with them.
Standard = Literal["gold", "parity"]

_OUT_OF_REACH = 100  # times the examples that were held out
_FEWEST = 10  # pairs; on fewer no verdict is given
_LOST = 0.05  # a larger share of examples without an answer may hide the very ones that go wrong


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


@dataclass(frozen=True)
class Confirmation:
    """Everyone's meeting with the held-out examples, in the same order.

    `again` is the source asked a second time (None where its outputs were recorded elsewhere): how well it
    agrees with itself is what parity is judged against. Without a search there is no `unchanged`: then `winner` is
    what the target answered to whatever prompt it was given.
    """

    source: Evaluation
    unchanged: Evaluation | None
    winner: Evaluation
    again: Evaluation | None = None


class _Against(Protocol):
    @property
    def against(self) -> str: ...


def standard_of(metrics: Iterable[_Against], *, gold: bool) -> Standard:
    """Where a score is agreement with the source's answer, the source's agreement with itself is the standard.

    `gold`: whether every example has a gold answer.
    """
    return "gold" if {metric.against for metric in metrics} <= ({"gold", "auto"} if gold else {"gold"}) else "parity"


def decide(
    confirmation: Confirmation,
    *,
    constraints: Constraints,
    margin: float,
    confidence: float,
    standard: Standard = "gold",
) -> Decision:
    """Migrate if the winner is surely not worse than the standard by the margin and keeps every constraint.

    An example that either side lost (status "failed") counts for neither. A broken constraint means "stay"
    only where chance does not explain it; otherwise the verdict is open.
    """
    theirs = confirmation.again if standard == "parity" and confirmation.again else confirmation.source
    kept = _kept(confirmation, theirs, standard)
    ours = [confirmation.winner.scores[i].value for i in kept]
    comparison = paired(ours, [theirs.scores[i].value for i in kept], margin=margin, confidence=confidence)
    measured = tuple(output for output in confirmation.winner.outputs if output.status != "failed")
    checks = constraints.check(Evaluation(measured, ())) if measured else ()
    broken = {check: _surely_broken(check, measured, confidence) for check in checks if not check.met}
    lost, total = _lost(confirmation, theirs), len(theirs.outputs)

    verdict, needed = Verdict.INCONCLUSIVE, None
    if lost <= _LOST * total:
        if comparison.n >= _FEWEST:
            verdict = _verdict(comparison, broken, margin, confidence)
        if verdict is Verdict.INCONCLUSIVE:
            needed = _needed(comparison, broken, measured, margin, confidence)
    sentences = [
        _quality(comparison, margin, confidence, standard, again=confirmation.again is not None),
        *(_about(check, sure=sure) for check, sure in broken.items()),
        "Every constraint is kept." if checks and not broken else "",
        _losses(lost, total),
        f"Fewer than {_FEWEST} pairs give no verdict." if comparison.n < _FEWEST else "",
        _outlook(needed, comparison.n) if needed else "",
    ]
    reason = " ".join(sentence for sentence in sentences if sentence)
    return Decision(verdict, reason, comparison, margin, confidence, checks, needed)


def _outlook(needed: int, n: int) -> str:
    """Nobody collects a hundred times the examples; then the two are simply that close to the line."""
    if needed > _OUT_OF_REACH * n:
        return "It lies so close to the line that no affordable number of examples would settle it."
    return f"About {needed:,} held-out examples would settle it."


def _verdict(comparison: Comparison, broken: Mapping[Check, bool], margin: float, confidence: float) -> Verdict:
    if comparison.high < -margin or any(broken.values()):
        return Verdict.STAY
    if comparison.p_value <= 1 - confidence and not broken:
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
    return [i for i in answered if source[i].status == "ok"] if standard == "parity" else answered


def _lost(confirmation: Confirmation, theirs: Evaluation) -> int:
    sides = (confirmation.source.outputs, theirs.outputs, confirmation.winner.outputs)
    return sum("failed" in {output.status for output in row} for row in zip(*sides, strict=True))


def _held(check: Check, outputs: Sequence[Output]) -> tuple[list[float], float]:
    """The constraint as numbers whose mean must not pass a limit: (numbers, limit)."""
    if check.name == "valid":
        return [float(output.status != "ok") for output in outputs], 1 - check.limit
    if check.name == "p95_latency":
        return [float(output.latency > check.limit) for output in outputs], 0.05
    if check.name == "cost_per_1000":
        return [1000 * output.cost for output in outputs], check.limit
    return [float(output.input_tokens) for output in outputs], check.limit


def _surely_broken(check: Check, outputs: Sequence[Output], confidence: float) -> bool:
    """Whether chance does not explain it: by the binomial tail for shares, the normal bound for means."""
    from scipy.special import bdtrc

    numbers, limit = _held(check, outputs)
    if check.name in ("valid", "p95_latency"):
        return bool(bdtrc(sum(numbers) - 1, len(numbers), limit) <= 1 - confidence)
    error = pstdev(numbers) / math.sqrt(max(len(numbers) - 1, 1))
    return fmean(numbers) - NormalDist().inv_cdf(confidence) * error > limit


def _needed(
    comparison: Comparison, broken: Iterable[Check], outputs: Sequence[Output], margin: float, confidence: float
) -> int | None:
    """Enough for the quality, where it is open, and for every constraint that is."""
    counts: list[int | None] = []
    if comparison.p_value > 1 - confidence and comparison.high >= -margin:
        counts.append(examples_needed(comparison.mean, comparison.sd, margin, confidence))
    for check in broken:
        numbers, limit = _held(check, outputs)
        scale = max(1.0, limit)  # the formula thinks in scores; dollars and tokens are brought to its size
        counts.append(examples_needed((limit - fmean(numbers)) / scale, pstdev(numbers) / scale, 0.0, confidence))
    known = [count for count in counts if count is not None]
    return max(comparison.n + 1, _FEWEST, *known) if len(known) == len(counts) else None


def _quality(comparison: Comparison, margin: float, confidence: float, standard: Standard, *, again: bool) -> str:
    if not comparison.n:
        return "No held-out example has an answer from both sides."
    gap = "exactly as high as" if comparison.mean == 0 else f"{_side(comparison.mean)}"
    at, examples = f"at {100 * confidence:g} % confidence", f"on {comparison.n:,} held-out examples"
    limit = f"the margin of {100 * margin:g}"
    if standard == "gold":
        start = f"The target scores {gap} the source {examples}"
    else:
        whose = "the source's agreement with itself" if again else "full agreement (the source was not asked twice)"
        start = f"The target's agreement with the source's answers is {gap} {whose} {examples}"
    if comparison.high < -margin:
        return f"{start}; {at} it is at least {_points(comparison.high, margin)} points below, beyond {limit}."
    if comparison.p_value > 1 - confidence:
        return f"{start}; {at} it may be as much as {_points(comparison.low, margin)} points below, outside {limit}."
    if comparison.low >= 0:
        return f"{start}; {at} it is at least {_points(comparison.low, margin)} points above."
    return f"{start}; {at} it is at most {_points(comparison.low, margin)} points below, inside {limit}."


def _side(difference: float) -> str:
    return f"{_points(difference, 0.0)} points {'above' if difference > 0 else 'below'}"


def _points(difference: float, limit: float) -> str:
    """In points, to as many decimals as tell it from the limit: a bound of 4.98 must not read 5.0."""
    size = 100 * abs(difference)
    for decimals in (1, 2, 3):
        text = f"{size:.{decimals}f}"
        if float(text) != round(100 * limit, 6):
            break
    return text


def _about(check: Check, *, sure: bool) -> str:
    measured, limit, what = {
        "valid": (f"{check.value:.1%}", f"at least {check.limit:.1%}", "valid replies"),
        "p95_latency": (f"{check.value:.3g} s", f"at most {check.limit:.3g} s", "95th percentile of latency"),
        "cost_per_1000": (f"${check.value:,.4g}", f"at most ${check.limit:,.4g}", "cost per 1,000 calls"),
        "prompt_tokens": (f"{check.value:,.1f}", f"at most {check.limit:,.1f}", "mean prompt tokens"),
    }[check.name]
    weight = "beyond what chance explains" if sure else "though chance may explain it"
    return f"A constraint is broken, {weight}: {what} {measured}, {limit} allowed."


def _losses(lost: int, total: int) -> str:
    if not lost:
        return ""
    told = f"{lost} of {total} examples got no answer from one side or both and were left out of both."
    return f"{told} That is more than {_LOST:.0%}, too many for a verdict; run again." if lost > _LOST * total else told
