"""The paired comparison, against values worked out by hand, definitions done the slow way, and simulation."""

from __future__ import annotations

import math
from unittest.mock import Mock

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import beta, multinomial

from optimizer.verdict import statistics
from optimizer.verdict.pairs import Sample, exact_p, graded_p
from optimizer.verdict.statistics import examples_needed, p_value, paired, smallest_difference


def drawn(seed: int, n: int, *, binary: bool) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) ** 0.5, rng.random(n) ** 0.5
    if binary:
        a, b = a.round(), b.round()
    return a.tolist(), np.where(rng.random(n) < 0.5, a, b).tolist()


def score_by_definition(won: int, lost: int, n: int, delta: float) -> float:
    """(difference - delta) over its standard error under the likeliest distribution with that difference."""

    def log_likelihood(q: float) -> float:  # q: share lost
        shares = np.array([q + delta, q, 1 - delta - 2 * q])
        counts = np.array([won, lost, n - won - lost])
        return float(np.sum(counts * np.log(np.maximum(shares, 1e-300))))

    low, high = max(0.0, -delta), (1 - delta) / 2
    best = minimize_scalar(lambda q: -log_likelihood(q), bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    variance = n * (2 * best.x + delta - delta**2)
    return float((won - lost - n * delta) / math.sqrt(variance))


@pytest.mark.parametrize(
    ("won", "lost", "delta"), [(1, 1, -0.1), (0, 0, -0.1), (2, 0, -0.05), (3, 1, -0.2), (0, 2, -0.3)]
)
def test_the_exact_p_value_is_the_greatest_tail_of_the_score_statistic(won: int, lost: int, delta: float) -> None:
    n = 7
    pairs = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
    observed = score_by_definition(won, lost, n, delta)
    extreme = [(b, c) for b, c in pairs if score_by_definition(b, c, n, delta) >= observed - 1e-5]

    def tail(q: float) -> float:
        shares = [q, q - delta, 1 - 2 * q + delta]
        return float(sum(multinomial.pmf([b, c, n - b - c], n, shares) for b, c in extreme))

    greatest = max(tail(float(q)) for q in np.linspace(0, (1 + delta) / 2, 300))
    assert exact_p(won, lost, n, delta) == pytest.approx(greatest, abs=1.5e-3)


@pytest.mark.parametrize("n", [20, 58, 59])
def test_a_flawless_record_of_pairs_leaves_the_chance_that_the_losses_stayed_unseen(n: int) -> None:
    same = [1.0] * n
    assert paired(same, same, margin=0.05, confidence=0.95).p_value == pytest.approx(0.95**n + 1e-4)


def test_twenty_ties_prove_nothing_for_graded_scores_either() -> None:
    same = [0.7] * 20
    found = paired(same, same, margin=0.05, confidence=0.95)
    assert found.p_value > 0.3
    assert (found.mean, found.sd) == (0, 0)
    assert -0.2 < found.low < -0.05
    assert 0.05 < found.high < 0.2


def test_the_tail_of_random_weights_is_that_of_a_beta_for_pairs_that_are_all_equal() -> None:
    """Of n ties and one imaginary pair that loses all, the lost share has a beta distribution."""
    for n, margin in [(20, 0.05), (60, 0.05), (100, 0.02)]:
        assert graded_p(Sample.of(np.zeros(n)), -margin) == pytest.approx(beta.sf(margin, 1, n - 1.5), rel=0.02)


def test_the_saddlepoint_formula_agrees_with_random_weights_drawn() -> None:
    rng = np.random.default_rng(1)
    difference = np.append(np.clip(rng.normal(0, 0.3, 40), -1, 1), [-0.6, 0.5])
    sample = Sample.of(difference)
    caution = 0.2 / 0.95  # smooth and not skewed to the left: nothing but the least weight is called for
    weights = np.append(sample.counts * (1 - 1.5 / 42), caution)
    drawn_weights = rng.gamma(weights, size=(200_000, len(weights)))
    means = drawn_weights @ np.append(sample.values, -1.0) / drawn_weights.sum(axis=1)
    for quantile in (0.01, 0.05, 0.3):
        delta = float(np.quantile(means, quantile))
        assert graded_p(sample, delta) == pytest.approx(quantile, rel=0.25)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_the_bounds_are_where_the_test_turns(seed: int, binary: bool) -> None:
    ours, theirs = drawn(seed, 40, binary=binary)
    found = paired(ours, theirs, margin=0.05, confidence=0.95)
    assert -1 <= found.low <= found.mean <= found.high <= 1
    assert (found.low > -0.05) == (found.p_value <= 0.05)
    assert p_value(ours, theirs, -found.low + 1e-4) <= 0.05 < p_value(ours, theirs, -found.low - 1e-4)
    assert p_value(theirs, ours, found.high + 1e-4) <= 0.05 < p_value(theirs, ours, found.high - 1e-4)


@pytest.mark.parametrize("binary", [True, False])
def test_exchanging_the_sides_mirrors_the_comparison(binary: bool) -> None:
    ours, theirs = drawn(3, 50, binary=binary)
    one, other = (paired(*sides, margin=0.05, confidence=0.9) for sides in ((ours, theirs), (theirs, ours)))
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low), abs=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_more_confidence_or_fewer_examples_widen_the_bounds(binary: bool) -> None:
    ours, theirs = drawn(4, 80, binary=binary)
    sure, bold = (paired(ours, theirs, margin=0.05, confidence=c) for c in (0.99, 0.9))
    twice = paired(ours * 2, theirs * 2, margin=0.05, confidence=0.9)
    assert sure.low < bold.low < twice.low
    assert sure.high > bold.high > twice.high


@pytest.mark.parametrize(("ours", "theirs", "mean"), [(0.0, 1.0, -1.0), (1.0, 0.0, 1.0), (0.2, 0.9, -0.7)])
def test_the_extremes_are_computed_without_complaint(ours: float, theirs: float, mean: float) -> None:
    found = paired([ours] * 30, [theirs] * 30, margin=0.05, confidence=0.95)
    assert found.mean == pytest.approx(mean)
    assert (found.p_value < 0.01) == (mean > 0)
    assert -1 <= found.low <= found.high <= 1


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.5]])
def test_one_pair_proves_nothing(values: list[float]) -> None:
    found = paired(values, values, margin=0.05, confidence=0.95)
    assert found.low < -0.9 and found.high > 0.9 and found.p_value > 0.5


def test_no_pairs_are_no_evidence() -> None:
    found = paired([], [], margin=0.05, confidence=0.95)
    assert (found.n, found.low, found.high, found.p_value) == (0, -1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "margin", "confidence", "message"),
    [
        ([1.0], [1.0, 0.0], 0.05, 0.95, "of equal number, got 1 and 2"),
        ([math.nan], [1.0], 0.05, 0.95, "between 0 and 1"),
        ([1.1], [1.0], 0.05, 0.95, "between 0 and 1"),
        ([1.0], [1.0], 1.5, 0.95, "0 <= margin < 1"),
        ([1.0], [1.0], 0.05, 0.4, r"0\.5 < confidence"),
    ],
)
def test_what_is_no_comparison_is_refused(
    ours: list[float], theirs: list[float], margin: float, confidence: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paired(ours, theirs, margin=margin, confidence=confidence)


def test_about_as_many_examples_as_are_said_to_be_needed_settle_it() -> None:
    discordant = 0.12  # won and lost alike, so the mean is nought and the variance the share
    n = examples_needed(0.0, math.sqrt(discordant), 0.05, 0.95)
    assert n is not None
    rng, outcomes = np.random.default_rng(0), [1 - discordant, discordant / 2, discordant / 2]
    counts = rng.multinomial(n, outcomes, 400)
    power = np.mean([exact_p(won, lost, n, -0.05) <= 0.05 for _, won, lost in counts])
    assert 0.73 < power < 0.87


def test_examples_needed_goes_either_way_and_gives_up_on_the_border() -> None:
    assert examples_needed(-0.05, 0.3, 0.05, 0.95) is None
    above, below = (examples_needed(mean, 0.3, 0.05, 0.95) for mean in (-0.03, -0.07))
    assert above == below
    assert examples_needed(0.0, 0.0, 0.05, 0.95) == 59  # 0.95 ** 59 is the first power below 0.05


def test_the_smallest_margin_shown_by_n_examples_is_the_one_that_needs_n() -> None:
    margin = smallest_difference(300, 0.35, 0.95)
    assert examples_needed(0.0, 0.35, margin + 1e-9, 0.95) == 300
    assert smallest_difference(59, 0.0, 0.95) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("binary", [True, False])
def test_three_hundred_pairs_take_no_more_tests_than_their_two_bounds_need(
    binary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halving all differences, from -1 to 1, down to a millionth takes 21 tests a bound; one is for the p-value."""
    asked = Mock(wraps=exact_p if binary else graded_p)
    monkeypatch.setattr(statistics, "exact_p" if binary else "graded_p", asked)
    ours, theirs = drawn(5, 300, binary=binary)
    paired(ours, theirs, margin=0.05, confidence=0.95)
    assert 20 < asked.call_count <= 1 + 2 * 21
