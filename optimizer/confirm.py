"""Decide, once, on examples that the search never saw."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from optimizer.objective import Check, Evaluation


class Verdict(Enum):
    MIGRATE = "migrate"
    STAY = "stay"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Comparison:
    """The paired difference in quality, target minus source, with its one-sided confidence bounds.

    `p_value` belongs to the null hypothesis "worse by the margin or more". `method` names the test.
    """

    mean: float
    low: float
    high: float
    n: int
    p_value: float
    method: str


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
    agrees with itself is what parity is judged against.
    """

    source: Evaluation
    unchanged: Evaluation
    winner: Evaluation
    again: Evaluation | None = None
