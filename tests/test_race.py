"""The race buys where it matters, and its arithmetic is that of the model it states."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from optimizer.race import Race, Shares, shared_order


def run(race: Race, truth: np.ndarray, noise: np.ndarray, upto: float | None = None) -> None:
    while pairs := race.batch(upto or race.budget):
        for k, i in pairs:
            race.observe(k, i, float(truth[k] + noise[i] > 0.5))


def brute_force(race: Race, shares: Shares) -> tuple[np.ndarray, np.ndarray, float]:
    """The posterior by writing the whole Gaussian down, observation by observation."""
    seen = [(k, i) for k in range(len(race._seen)) for i in range(race._seen.shape[1]) if race._seen[k, i]]
    y = np.array([race._values[k, i] for k, i in seen])
    prior = 0.25 + shares.own * np.eye(len(race._seen)) + shares.shared * race._kin
    of = np.array([[float(k == j) for j in range(len(prior))] for k, _ in seen])
    same = np.array([[float(i == j) for _, j in seen] for _, i in seen])
    cov = of @ prior @ of.T + shares.rho * shares.v * same + (1 - shares.rho) * shares.v * np.eye(len(seen))
    gain = prior @ of.T @ np.linalg.inv(cov)
    log = -0.5 * ((y - 0.5) @ np.linalg.solve(cov, y - 0.5) + np.linalg.slogdet(cov)[1])
    return 0.5 + gain @ (y - 0.5), prior - gain @ of @ prior, float(log)


def filled(seed: int) -> Race:
    draw = np.random.default_rng(seed)
    race = Race(12, 1000)
    for k in range(5):
        race.join({"layout": k % 2, "demos": k % 3})
    for k, n in enumerate(draw.integers(1, 12, 5)):
        for i in range(n):
            race.observe(k, i, float(draw.random()))
    return race


@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_equals_the_gaussian_written_out(seed: int) -> None:
    race, shares = filled(seed), Shares(0.2, 0.3, 0.02, 0.01)

    posterior, _ = race._solve(shares)
    mean, cov, _ = brute_force(race, shares)

    np.testing.assert_allclose(posterior.mean, mean, atol=1e-8)
    np.testing.assert_allclose(posterior.cov, cov, atol=1e-8)


def test_the_marginal_likelihood_differs_from_the_gaussians_by_a_constant_only() -> None:
    race = filled(7)
    options = [Shares(0.2, rho, own, shared) for rho in (0.1, 0.6) for own in (0.002, 0.05) for shared in (0.0, 0.02)]

    gaps = [race._solve(shares)[1] - brute_force(race, shares)[2] for shares in options]

    np.testing.assert_allclose(gaps, gaps[0], atol=1e-7)


def test_the_budget_goes_to_the_good_ones_and_is_never_passed() -> None:
    truth, noise = np.linspace(0.0, 0.45, 16), np.random.default_rng(0).normal(0.2, 0.25, 150)
    race = Race(150, 16 * 12)
    for k in range(16):
        race.join({"k": k})

    run(race, truth, noise)

    assert race.spent <= race.budget
    seen = race._seen.sum(axis=1)
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
