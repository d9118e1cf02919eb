"""Constraints on the held-out examples: which of them are broken, and whether chance explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, pstdev

from optimizer.objective import Check, Constraints, Evaluation
from optimizer.types import Output
from optimizer.verdict.slices import SliceResult


def checked(
    constraints: Constraints, outputs: Sequence[Output], slices: Sequence[SliceResult], confidence: float
) -> tuple[tuple[Check, ...], dict[Check, bool]]:
    """Every check, and of those that are not met whether they are surely broken."""
    checks = constraints.check(Evaluation(tuple(outputs), ())) if outputs else ()
    broken = {check: surely_broken(check, outputs, confidence) for check in checks if not check.met}
    if slices and constraints.slice_drop is not None:
        of_slices = _slice_check(constraints.slice_drop, slices)
        checks += (of_slices,)
        broken |= {} if of_slices.met else {of_slices: True}
    return checks, broken


def _slice_check(limit: float, slices: Sequence[SliceResult]) -> Check:
    """Broken where a slice is worse by more than the limit, surely and with all slices looked at."""
    value = max(0.0, *(-found.high for found in slices))
    return Check("slice_drop", limit, value, value <= limit)


def as_numbers(check: Check, outputs: Sequence[Output]) -> tuple[list[float], float]:
    """The constraint as numbers whose mean must not pass a limit: (numbers, limit)."""
    if check.name == "valid":
        return [float(output.status != "ok") for output in outputs], 1 - check.limit
    if check.name == "p95_latency":
        return [float(output.latency > check.limit) for output in outputs], 0.05
    if check.name == "cost_per_1000":
        return [1000 * output.cost for output in outputs], check.limit
    return [float(output.input_tokens) for output in outputs], check.limit


def surely_broken(check: Check, outputs: Sequence[Output], confidence: float) -> bool:
    """Whether chance does not explain it: by the binomial tail for shares, the normal bound for means."""
    from scipy.special import bdtrc

    numbers, limit = as_numbers(check, outputs)
    if check.name in ("valid", "p95_latency"):
        return bool(bdtrc(sum(numbers) - 1, len(numbers), limit) <= 1 - confidence)
    error = pstdev(numbers) / math.sqrt(max(len(numbers) - 1, 1))
    return fmean(numbers) - NormalDist().inv_cdf(confidence) * error > limit
