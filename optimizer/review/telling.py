"""What people said, in sentences, and their comments by subject: from these, experts write a style guide."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.metrics.judges.scrutiny import Agreement
from optimizer.review.pairs import Blind
from optimizer.review.reading import Judgement
from optimizer.review.sheet import SUBJECTS
from optimizer.review.weighing import Review

_OTHER = "without a subject"


def told(blind: Blind, review: Review) -> Iterator[str]:
    """In sentences; nothing in them comes from data or models but reviewers' names and subjects."""
    yield _who(review)
    count, at = review.preferred, f"at {100 * review.confidence:.4g} %"
    found = review.preference
    yield (
        f"The target is preferred {count['target']:,} times, the source {count['source']:,}, neither "
        f"{count['same']:,}. The share of held-out examples on which the target is preferred, less that of the source, "
        f"is {_points(found.mean)} points; {at} at least {_points(found.low)}, and {at} at most {_points(found.high)}."
    )
    if marks := review.marks:
        own = blind.result.decision.verdict.value
        differs = "as the run's own" if marks.verdict.value == own else f"the run's own is {own.upper()}, and stays"
        yield (
            f"People's marks of {marks.n} examples: source {marks.source:.3f}, target {marks.target:.3f}, on a scale "
            f"from 0 to 1. The verdict on them alone, by the margin of {100 * review.margin:g} points, without other "
            f"constraints: {marks.verdict.value.upper()} ({differs}). {marks.reason}"
        )
    beside = review.with_metric
    yield (
        f"Of {beside.same + beside.none + beside.other} examples on which people prefer one, the run's metric has the "
        f"same one ahead on {beside.same}, the other on {beside.other}, neither on {beside.none}; "
        f"{_agreed(beside.preference)}."
    )
    if beside.marks:
        yield f"The metric's scores against people's marks of {beside.marks.n} answers: {_agreed(beside.marks)}."
    for pair in review.between:
        yield f"{' and '.join(pair.reviewers)} on the {pair.agreement.n} that both judged: {_agreed(pair.agreement)}."
    if grouped := comments(review):
        yield "Comments: " + ", ".join(f"{name} {len(rows)}" for name, rows in grouped.items()) + "."


def _who(review: Review) -> str:
    names = ", ".join(review.reviewers)
    people = "1 reviewer" if len(review.reviewers) == 1 else f"{len(review.reviewers)} reviewers"
    lost = f" {review.lost:,} have no answer on one side and count for neither." if review.lost else ""
    equal = (
        f" {review.equal:,} more have equal answers: no difference, counted in the same proportion."
        if review.equal
        else ""
    )
    judged = f"{people} ({names}) judged {review.judged:,} of the {review.differing:,} held-out examples"
    return f"{judged} whose answers differ.{equal}{lost}"


def _agreed(found: Agreement) -> str:
    """Kappa is none where one side says the same of all."""
    if found.kappa is None:
        return "weighted kappa not defined"
    bounds = (
        ""
        if found.kappa_low is None or found.kappa_high is None
        else f" ({found.kappa_low:.2f} to {found.kappa_high:.2f})"
    )
    return f"weighted kappa {found.kappa:.2f}{bounds}"


def comments(review: Review) -> dict[str, list[dict[str, str]]]:
    """By subject, those of the sheet first; one that is about several stands under each of them."""
    names = dict.fromkeys((*SUBJECTS, *(name for one in review.judgements for name in one.about), _OTHER))
    found = {name: [_comment(one) for one in review.judgements if _is_about(one, name)] for name in names}
    return {name: rows for name, rows in found.items() if rows}


def _is_about(one: Judgement, name: str) -> bool:
    return name in one.about or (name == _OTHER and not one.about and bool(one.comment))


def _comment(one: Judgement) -> dict[str, str]:
    """`letters`: what A and B, which the comment may speak of, were."""
    letters = "A target, B source" if one.target_first else "A source, B target"
    said = {"same": "neither", None: "nothing said"}.get(one.prefers, str(one.prefers))
    return {"id": one.example_id, "reviewer": one.reviewer, "prefers": said, "letters": letters, "text": one.comment}


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\u2212")
