"""Constraints on held-out examples: the numbers behind each, and when chance does not explain that it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from scipy.stats import binom

from optimizer.objective import Check, Constraints
from optimizer.types import Output
from optimizer.verdict.constraints import as_numbers, checked, surely_broken
from optimizer.verdict.slices import SliceResult


def outputs(n: int, **facts: Any) -> list[Output]:
    return [Output(str(i), "", **{name: value[i] for name, value in facts.items()}) for i in range(n)]


def of_slice(high: float) -> SliceResult:
    return SliceResult("region", "north", 40, 0.9, 0.6, -0.3, -0.4, high)


@pytest.mark.parametrize(
    ("check", "numbers", "limit"),
    [
        (Check("valid", 0.9, 0.5, False), [0.0, 1.0, 1.0], 0.1),
        (Check("p95_latency", 2.0, 3.0, False), [0.0, 0.0, 1.0], 0.05),
        (Check("cost_per_1000", 2.5, 3.0, False), [1.0, 3.0, 5.0], 2.5),
        (Check("prompt_tokens", 50, 70.0, False), [10.0, 60.0, 110.0], 50),
    ],
)
def test_a_constraint_is_a_mean_of_numbers_and_its_limit(check: Check, numbers: list[float], limit: float) -> None:
    """The second takes just the two seconds that are allowed: it is not too slow."""
    facts = {"status": ["ok", "invalid", "refused"], "latency": [1.0, 2.0, 3.0]}
    seen = outputs(3, **facts, cost=[0.001, 0.003, 0.005], input_tokens=[10, 60, 110])

    found, most = as_numbers(check, seen)

    assert found == pytest.approx(numbers) and most == pytest.approx(limit)


@pytest.mark.parametrize("slow", [15, 16])
def test_slow_answers_are_too_many_where_the_binomial_tail_says_so(slow: int) -> None:
    """Of 200 a twentieth may be slower: 15 are as many in 7.8 of 100 such samples, 16 in 4.4."""
    seen = outputs(200, latency=[2.0] * slow + [1.0] * (200 - slow))

    assert (binom.sf(slow - 1, 200, 0.05) <= 0.05) == (slow == 16)
    assert surely_broken(Check("p95_latency", 1.0, 2.0, False), seen, 0.95) == (slow == 16)


@pytest.mark.parametrize(("limit", "sure"), [(3.533, True), (3.534, False)])
def test_a_mean_is_surely_too_high_where_its_lower_bound_is(limit: float, sure: bool) -> None:
    """Dollars per 1,000 calls of 0 and 8, half each, 200 of them: the mean is 4, its standard error 4 / sqrt(199), and
    1.6449 of that below it are 3.5336."""
    seen = outputs(200, cost=[0.0, 0.008] * 100)

    assert surely_broken(Check("cost_per_1000", limit, 4.0, False), seen, 0.95) == sure


@pytest.mark.parametrize(("limit", "met"), [(0.25, True), (0.24, False), (0.3, True)])
def test_the_check_of_slices_tells_the_largest_loss_that_is_sure_and_is_among_the_checks(
    limit: float, met: bool
) -> None:
    checks, broken = checked(Constraints(slice_drop=limit), (), [of_slice(-0.125), of_slice(-0.25)], 0.95)

    assert checks == (Check("slice_drop", limit, 0.25, met),)
    assert broken == ({} if met else {checks[0]: True})


def test_slices_that_lose_nothing_for_sure_have_lost_nothing() -> None:
    checks, broken = checked(Constraints(slice_drop=0.05), (), [of_slice(0.1), of_slice(0.2)], 0.95)

    assert (checks, broken) == ((Check("slice_drop", 0.05, 0.0, True),), {})


def test_without_slices_there_is_nothing_to_check_them_for() -> None:
    assert checked(Constraints(slice_drop=0.05), (), (), 0.95) == ((), {})


def test_without_a_limit_slices_are_not_checked() -> None:
    assert checked(Constraints(valid=0.5), outputs(4), [of_slice(-0.25)], 0.95) == (
        (Check("valid", 0.5, 1.0, True),),
        {},
    )
