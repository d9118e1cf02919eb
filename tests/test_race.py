"""The race buys where it matters, and its arithmetic is that of the model it states."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from optimizer.race import Race, shared_order
from optimizer.twoway import Evidence, Field, Shares


def run(race: Race, truth: np.ndarray, noise: np.ndarray, upto: float | None = None) -> None:
    while pairs := race.batch(upto or race.budget):
        for k, i in pairs:
            race.observe(k, i, float(truth[k] + noise[i] > 0.5))


def evidence(seed: int) -> Evidence:
    """Five candidates on twelve examples: prefixes of different lengths, some hints, one of them unknown."""
    draw = np.random.default_rng(seed)
    field = Field([{"layout": k % 2, "demos": k % 3} for k in range(5)], [0.5, 0.9, None, 0.4, 0.6])
    seen = (np.arange(12) < draw.integers(1, 12, 5)[:, None]).astype(float)
    return Evidence(field, draw.random((5, 12)) * seen, seen)


def brute_force(known: Evidence, shares: Shares) -> tuple[np.ndarray, np.ndarray, float]:
    """The posterior by writing the whole Gaussian down, observation by observation."""
    size, hint = len(known.seen), known.field.hint
    places = np.argwhere(known.seen > 0)
    y = np.array([known.scores[k, i] * known.spread[k] for k, i in places])
    prior = 0.25 + shares.own * (np.eye(size) + shares.like * known.field.kin) + 0.25 * np.outer(hint, hint)
    of = np.eye(size)[places[:, 0]]
    same = np.equal.outer(places[:, 1], places[:, 1])
    spread = known.spread[places[:, 0]]
    cov = of @ prior @ of.T + np.outer(spread, spread) * (shares.rho * same + (1 - shares.rho) * np.eye(len(y)))
    gain = prior @ of.T @ np.linalg.inv(cov)
    rest = y - of @ (0.5 * hint)
    log = -0.5 * (rest @ np.linalg.solve(cov, rest) + np.linalg.slogdet(cov)[1])
    return 0.5 + 0.5 * hint + gain @ rest, prior - gain @ of @ prior, float(log)


@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_equals_the_gaussian_written_out(seed: int) -> None:
    known, shares = evidence(seed), Shares(0.3, 0.02, 0.5)

    mean, cov, _ = brute_force(known, shares)

    np.testing.assert_allclose(known.posterior(shares).mean, mean, atol=1e-8)
    np.testing.assert_allclose(known.posterior(shares).cov, cov, atol=1e-8)
    np.testing.assert_allclose(known.mean(shares), mean, atol=1e-8)


def test_the_marginal_likelihood_differs_from_the_gaussians_by_a_constant_only() -> None:
    known = evidence(7)
    options = [Shares(rho, own, like) for rho in (0.1, 0.6) for own in (0.002, 0.05) for like in (0.0, 1.0)]

    gaps = [known.marginal(shares) - brute_force(known, shares)[2] for shares in options]

    np.testing.assert_allclose(gaps, gaps[0], atol=1e-6)


def test_the_budget_goes_to_the_good_ones_and_is_never_passed() -> None:
    truth, noise = np.linspace(0.0, 0.45, 16), np.random.default_rng(0).normal(0.2, 0.25, 150)
    race = Race(150, 16 * 12)
    for k in range(16):
        race.join({"k": k})

    run(race, truth, noise)

    assert race.spent <= race.budget
    seen = np.sum(race._seen, axis=1)
    assert seen[12:].sum() > 2 * seen[:4].sum()
    assert int(race.posterior().mean.argmax()) >= 13


def test_whoever_joins_late_gets_a_fair_look() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.3, 100)
    race = Race(100, 200)
    for k in range(9):
        race.join({"k": k})
    run(race, np.full(10, 0.4), noise, upto=100)
    late = race.join({"k": 9})

    run(race, np.array([0.4] * 9 + [0.9]), noise)

    assert int(race.posterior().mean.argmax()) == late


def test_the_anchor_is_never_dropped() -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.2, 80)
    race = Race(80, 240, anchor=0)
    for k in range(12):
        race.join({"k": k})

    run(race, np.array([0.1] + [0.7] * 11), noise)

    assert race._seen[0].sum() >= 10


def test_an_answer_that_never_came_is_paid_for_and_teaches_nothing() -> None:
    race = Race(10, 100)
    race.join({})
    race.join({})
    before = race.posterior().mean.copy()

    race.observe(0, 0, None)

    assert race.spent == 1
    np.testing.assert_array_equal(race.posterior().mean, before)
    assert (0, 0) not in race.batch(100)


def test_a_dear_candidate_is_asked_less_often() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.3, 100)
    race = Race(100, 120)
    race.join({"k": 0}, price=3.0)
    race.join({"k": 1}, price=1.0)

    run(race, np.array([0.5, 0.5]), noise)

    assert race._seen[0].sum() * 2 < race._seen[1].sum()


def test_every_prefix_of_the_shared_order_has_the_labels_in_their_proportions() -> None:
    labels = ["rare"] * 20 + ["common"] * 80

    order = shared_order(labels, seed=5)

    assert sorted(order) == list(range(100))
    for size in (10, 25, 50):
        rare = Counter(labels[i] for i in order[:size])["rare"]
        assert abs(rare - size / 5) <= 1


def test_the_same_observations_give_the_same_posterior_in_any_order() -> None:
    draw = np.random.default_rng(4)
    facts = [(k, i, float(draw.random())) for k in range(3) for i in range(6)]
    forward, backward = Race(6, 100), Race(6, 100)
    for race, sequence in ((forward, facts), (backward, facts[::-1])):
        for k in range(3):
            race.join({"k": k})
        for fact in sequence:
            race.observe(*fact)

    np.testing.assert_array_equal(forward.posterior().mean, backward.posterior().mean)
