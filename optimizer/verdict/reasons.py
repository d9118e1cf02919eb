"""The reason of a decision, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.metrics.whole import Figure
from optimizer.objective import Check
from optimizer.verdict.slices import SliceResult
from optimizer.verdict.statistics import Comparison, Noise

_OUT_OF_REACH = 100  # times the examples that were held out
_NAMED = 3  # slices in one sentence


def outlook(needed: int, n: int) -> str:
    """Nobody collects a hundred times the examples; then the two are simply that close to the line."""
    if needed > _OUT_OF_REACH * n:
        return "It lies so close to the line that no affordable number of examples would settle it."
    return f"About {needed:,} held-out examples would settle it, {needed - n:,} more than there are."


def of_noise(found: Noise) -> str:
    """Whether to label more examples, or to ask the same ones oftener."""
    way = (
        "asking each example more often would help"
        if found.share > 0.5
        else "more examples would help more than more draws"
    )
    return (
        f"{found.share:.0%} of the variance of the differences comes from asking an example again ({found.draws} draws "
        f"each), the rest from the examples themselves: {way}."
    )


def of_family(size: int, confidence: float) -> str:
    return f"The verdicts on all {size} targets together hold at {100 * confidence:.4g} % confidence (Holm)."


def quality(comparison: Comparison, margin: float, confidence: float, standard: str, *, again: bool) -> str:
    if not comparison.n:
        return "No held-out example has an answer from both sides."
    gap = "exactly as high as" if comparison.mean == 0 else f"{_side(comparison.mean)}"
    at, examples = f"at {100 * confidence:.4g} % confidence", f"on {comparison.n:,} held-out examples"
    limit = f"the margin of {100 * margin:g}"
    if standard == "gold":
        start = f"The target scores {gap} the source {examples}"
    elif standard == "mixed":
        whose = "the source asked again" if again else "the source (its own answers count in full: it was asked once)"
        start = (
            f"By gold answers, and by the source's own answers where there are none, the target scores {gap} {whose} "
            f"{examples}"
        )
    else:
        whose = "the source's agreement with itself" if again else "full agreement (the source was not asked twice)"
        start = f"The target's agreement with the source's answers is {gap} {whose} {examples}"
    if comparison.high < -margin:
        return f"{start}; {at} it is at least {points(comparison.high, margin)} points below, beyond {limit}."
    if comparison.p_value > 1 - confidence:
        return f"{start}; {at} it may be as much as {points(comparison.low, margin)} points below, outside {limit}."
    if comparison.low >= 0:
        return f"{start}; {at} it is at least {points(comparison.low, margin)} points above."
    return f"{start}; {at} it is at most {points(comparison.low, margin)} points below, inside {limit}."


def _side(difference: float) -> str:
    return f"{points(difference, 0.0)} points {'above' if difference > 0 else 'below'}"


def points(difference: float, limit: float) -> str:
    """In points, to as many decimals as tell it from the limit: a bound of 4.98 must not read 5.0."""
    size = 100 * abs(difference)
    for decimals in (1, 2, 3):
        text = f"{size:.{decimals}f}"
        if float(text) != round(100 * limit, 6):
            break
    return text


def about(check: Check, *, sure: bool) -> str:
    measured, limit, what = {
        "valid": (f"{check.value:.1%}", f"at least {check.limit:.1%}", "valid replies"),
        "p95_latency": (f"{check.value:.3g} s", f"at most {check.limit:.3g} s", "95th percentile of latency"),
        "cost_per_1000": (f"${check.value:,.4g}", f"at most ${check.limit:,.4g}", "cost per 1,000 calls"),
        "prompt_tokens": (f"{check.value:,.1f}", f"at most {check.limit:,.1f}", "mean prompt tokens"),
        "slice_drop": (
            f"at least {100 * check.value:.1f} points",
            f"at most {100 * check.limit:.1f} points",
            "loss of quality in a slice",
        ),
    }[check.name]
    weight = "beyond what chance explains" if sure else "though chance may explain it"
    return f"A constraint is broken, {weight}: {what} {measured}, {limit} allowed."


def losses(lost: int, total: int, unscored: Sequence[str], most: float) -> str:
    """`unscored`: why answers that were there have no score; `most`: the share that may be lost."""
    if not lost:
        return ""
    told = f"{lost} of {total} examples got no answer from one side or both and were left out of both."
    if unscored:
        whose = "all of them" if len(unscored) == lost else f"{len(unscored)} of them"
        told = (
            f"{lost} of {total} examples were left out of both sides; for {whose} there was an answer but no score "
            f"({unscored[0]})."
        )
    return f"{told} That is more than {most:.0%}, too many for a verdict; run again." if lost > most * total else told


def of_figure(figure: Figure, margin: float, confidence: float) -> str:
    """What a figure over the whole set says."""
    if figure.low is None or figure.high is None:
        return f"{figure.name} is not defined on these examples, so it cannot be shown to be kept."
    start = f"{figure.name} is {figure.migrated:.3f} against the source's {figure.source:.3f}"
    at = f"at {100 * confidence:.4g} % confidence"
    if figure.high < -margin:
        return f"{start}; {at} it is at least {points(figure.high, margin)} points below, beyond the margin."
    if figure.low > 0:
        return f"{start}; {at} it is at least {points(figure.low, margin)} points above."
    outside = "outside" if figure.low <= -margin else "inside"
    return f"{start}; {at} it is at most {points(figure.low, margin)} points below, {outside} the margin."


def hidden(slices: Sequence[SliceResult], confidence: float) -> str:
    """The slices that are surely worse, the surest loss first."""
    worse = sorted((found for found in slices if found.worse), key=lambda found: found.high)
    if not worse:
        return ""
    named = "; ".join(
        f"{found.name} ({found.n} examples, {points(found.difference, 0.0)} points below, at least "
        f"{points(found.high, 0.0)})"
        for found in worse[:_NAMED]
    )
    more = f"; and {len(worse) - _NAMED} more" if len(worse) > _NAMED else ""
    at = f"{100 * confidence:.4g} % for all {len(slices)} together"
    return f"Surely worse in slices ({at}): {named}{more}."
