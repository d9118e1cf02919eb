"""Whether going on is worth it: against values worked out by hand, and against sampling."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from optimizer.search.prospect import gain_of_looking, gain_of_racing
from optimizer.search.twoway import Posterior


def posterior(mean: list[float], variance: list[float]) -> Posterior:
    return Posterior(np.array(mean), np.diag(variance))


def test_what_is_known_exactly_gains_nothing_by_further_answers() -> None:
    assert gain_of_racing(posterior([0.5, 0.6], [0.0, 0.0]), [0, 1]) == 0.0


def test_one_candidate_alone_cannot_be_bettered_by_racing() -> None:
    assert gain_of_racing(posterior([0.5, 0.6], [0.1, 0.1]), [1]) == 0.0


def test_of_two_equals_the_better_is_expected_to_be_a_deviation_over_root_pi_above() -> None:
    gain = gain_of_racing(posterior([0.5, 0.5], [0.01, 0.01]), [0, 1])

    assert gain == pytest.approx(0.1 / math.sqrt(math.pi), rel=0.1)  # E max of two independent normals


def test_only_those_that_still_race_count() -> None:
    known = posterior([0.5, 0.6, 0.6], [0.0, 0.0, 0.04])

    assert gain_of_racing(known, [0, 1]) == 0.0
    assert gain_of_racing(known, [0, 1, 2]) > 0.05


def test_two_that_move_together_gain_less_than_two_that_do_not() -> None:
    alike = Posterior(np.array([0.5, 0.5]), np.array([[0.01, 0.0099], [0.0099, 0.01]]))

    assert gain_of_racing(alike, [0, 1]) < 0.2 * gain_of_racing(posterior([0.5, 0.5], [0.01, 0.01]), [0, 1])


@pytest.mark.parametrize(("best", "count"), [(0.6, 1), (0.6, 12), (0.75, 12), (0.3, 4)])
def test_the_gain_of_more_candidates_is_what_sampling_finds(best: float, count: int) -> None:
    newcomers = [0.4, 0.5, 0.6, 0.5, 0.45, 0.55]
    # squares of the deviations: 0.01 + 0.01 + 0.0025 + 0.0025, and two of 0.1 ** 2 more, by 7
    deviation = math.sqrt((0.025 + 0.02) / 7)
    draw = random.Random(1)
    sampled = [max(draw.gauss(0.5, deviation) for _ in range(count)) - best for _ in range(40_000)]

    expected = sum(max(0.0, gain) for gain in sampled) / len(sampled)

    assert gain_of_looking(newcomers, best, count) == pytest.approx(expected, rel=0.06, abs=0.0003)


def test_without_newcomers_nothing_speaks_against_looking() -> None:
    assert gain_of_looking([], 0.9, 10) == math.inf


def test_newcomers_far_below_the_best_promise_nothing() -> None:
    assert gain_of_looking([0.1, 0.12, 0.11, 0.1, 0.12, 0.11, 0.1, 0.12], 0.9, 12) < 1e-6
