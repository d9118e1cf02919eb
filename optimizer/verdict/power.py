"""What so many held-out examples can show, told before anything is paid for."""

from __future__ import annotations

import math

from optimizer.verdict.confirm import FEWEST
from optimizer.verdict.statistics import fewest_pairs, smallest_difference

_DIFFER = (0.05, 0.2)  # shares of examples on which right and wrong scores of source and target differ


def power(held_out: int, *, targets: int, margin: float, confidence: float) -> list[str]:
    """Sentences: the smallest difference that can be shown, and whether the margin ever can.

    A target that is truly as good is meant, shown to be so with a chance of 80 %, at the confidence that the first of
    several targets is held to. Scores that differ by less than 0 and 1 need fewer examples.
    """
    level = 1 - (1 - confidence) / max(1, targets)
    low, high = (100 * smallest_difference(held_out, math.sqrt(share), level) for share in _DIFFER)
    told = [
        f"held out: {held_out} examples; of a target as good as the source they show, with a chance of 80 %, that it "
        f"is less than {low:.1f} points worse (where 1 score in 20 differs from the source's), or less than {high:.1f} "
        f"(where 1 in 5 does); the margin is {100 * margin:g}"
    ]
    least = fewest_pairs(margin, level)
    if held_out < least:
        told.append(
            f"too few: with {held_out} held-out examples not even a target that equals the source on every one can be "
            f"shown to be within the margin of {100 * margin:g} points at {100 * level:.4g} % confidence; that takes "
            f"{least:,} at least. {_outcome(held_out)}: add examples, widen decision.margin, or hold out more "
            "(split.test)"
        )
    return told


def _outcome(held_out: int) -> str:
    if held_out < FEWEST:
        return f"Fewer than {FEWEST} give no verdict"
    return "Unless the target is clearly better, the verdict will be inconclusive or stay"
