"""The race buys where it matters, and its arithmetic is that of the model it states."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from optimizer.search.race import Race, shared_order
from optimizer.search.twoway import Evidence, Field, Posterior, Shares


def run(race: Race, truth: np.ndarray, noise: np.ndarray, upto: float | None = None) -> None:
    while pairs := race.batch(upto or race.budget):
        for k, i in pairs:
            race.observe(k, i, float(truth[k] + noise[i] > 0.5))


def evidence(seed: int, against: float = 0.0) -> Evidence:
    """Five candidates on twelve examples: prefixes of different lengths, some hints, one of them unknown. Values fall
    with the hints by `against` for each of their spreads."""
    draw = np.random.default_rng(seed)
    field = Field([{"layout": k % 2, "demos": k % 3} for k in range(5)], [0.5, 0.9, None, 0.4, 0.6])
    seen = (np.arange(12) < draw.integers(1, 12, 5)[:, None]).astype(float)
    return Evidence(field, (draw.random((5, 12)) - against * field.hint[:, None]) * seen, seen)


def brute_force(known: Evidence, shares: Shares, trust: float = 1.0) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The posterior by writing the whole Gaussian down, observation by observation; and that of the slope."""
    size, hint = len(known.seen), trust * np.sqrt(shares.own) * known.field.hint
    places = np.argwhere(known.seen > 0)
    y = np.array([known.scores[k, i] * known.spread[k] for k, i in places])
    prior = 0.25 + shares.own * (np.eye(size) + shares.like * known.field.kin) + 0.25 * np.outer(hint, hint)
    of = np.eye(size)[places[:, 0]]
    same = np.equal.outer(places[:, 1], places[:, 1])
    spread = known.spread[places[:, 0]]
    cov = of @ prior @ of.T + np.outer(spread, spread) * (shares.rho * same + (1 - shares.rho) * np.eye(len(y)))
    gain = prior @ of.T @ np.linalg.inv(cov)
    rest = y - of @ (0.7 * hint)
    log = -0.5 * (rest @ np.linalg.solve(cov, rest) + np.linalg.slogdet(cov)[1])
    slope = 0.7 + 0.25 * float((of @ hint) @ np.linalg.solve(cov, rest))
    return 0.5 + 0.7 * hint + gain @ rest, prior - gain @ of @ prior, float(log), slope


@pytest.mark.parametrize("against", [0.0, 0.8])
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_equals_the_gaussian_written_out(seed: int, against: float) -> None:
    """Without the hints where these would count against a candidate."""
    known, shares = evidence(seed, against), Shares(0.3, 0.02, 0.5)
    slope = brute_force(known, shares)[3]

    mean, cov, _, _ = brute_force(known, shares, trust=1.0 if slope >= 0 else 0.0)

    assert (slope < 0) == (against > 0)
    np.testing.assert_allclose(known.posterior(shares).mean, mean, atol=1e-8)
    np.testing.assert_allclose(known.posterior(shares).cov, cov, atol=1e-8)


def test_the_marginal_likelihood_differs_from_the_gaussians_by_a_constant_only() -> None:
    known = evidence(7)
    options = [Shares(rho, own, like) for rho in (0.1, 0.6) for own in (0.002, 0.05) for like in (0.0, 1.0)]

    gaps = [known.marginal(shares) - brute_force(known, shares)[2] for shares in options]

    np.testing.assert_allclose(gaps, gaps[0], atol=1e-6)


def test_one_answer_moves_both_by_what_they_have_in_common() -> None:
    """By hand: variance 0.27 of each value, 0.25 of it in common; noise 0.2 while there is nothing to tell it from."""
    known = Evidence(Field([{}, {}], [None, None]), np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]))

    posterior = known.posterior(Shares(rho=0.25, own=0.02))

    assert posterior.mean[0] == pytest.approx(0.5 + 0.5 * 0.27 / 0.47)
    assert posterior.mean[1] == pytest.approx(0.5 + 0.5 * 0.25 / 0.47)
    assert posterior.cov[0, 0] == pytest.approx(0.27 - 0.27**2 / 0.47)
    assert posterior.cov[0, 1] == pytest.approx(0.25 - 0.27 * 0.25 / 0.47)


def test_an_example_that_is_hard_for_all_is_not_held_against_who_saw_it() -> None:
    """Both fail on the second example, which the third candidate never saw."""
    values = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    seen = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])

    alike = Evidence(Field([{}] * 3, [None] * 3), values, seen).posterior(Shares(rho=0.9, own=0.02)).mean
    alone = Evidence(Field([{}] * 3, [None] * 3), values, seen).posterior(Shares(rho=0.05, own=0.02)).mean

    assert 0 < alike[2] - alike[0] < (alone[2] - alone[0]) / 2


def test_hints_are_centred_and_count_in_units_of_their_own_spread() -> None:
    np.testing.assert_allclose(Field([{}] * 3, [0.90, None, 0.94]).hint, [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(Field([{}] * 2, [0.2, 0.8]).hint, [-1.0, 1.0])
    np.testing.assert_allclose(Field([{}] * 2, [0.7, 0.7]).hint, [0.0, 0.0])
    np.testing.assert_allclose(Field([{}] * 2, [0.7, 0.702]).hint, [-0.2, 0.2])  # hardly an order


def test_what_a_hint_is_expected_to_tell_is_a_share_of_what_the_candidates_differ_by() -> None:
    """Before any answer; 0.7 of the spread of what is a candidate's own."""
    nothing = np.zeros((2, 1))
    for own in (0.01, 0.04):
        mean = Evidence(Field([{}] * 2, [0.2, 0.8]), nothing, nothing).posterior(Shares(own=own)).mean
        np.testing.assert_allclose(mean, [0.5 - 0.7 * own**0.5, 0.5 + 0.7 * own**0.5])


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


def test_equals_go_in_the_order_in_which_they_joined() -> None:
    race = Race(20, 100 * 20)
    for _ in range(100):
        race.join({})
    for k in range(100):
        for i in range(3):
            race.observe(k, i, float(i == 1))

    assert race.kept() == sorted(race.kept())


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


def test_the_next_call_goes_to_whom_the_least_money_was_spent_on() -> None:
    race = Race(100, 120)
    race.join({"k": 0}, price=3.0)
    race.join({"k": 1}, price=1.0)

    assert race.batch(120) == [(0, 0), (1, 0), (1, 1), (1, 2)]


def test_a_dear_candidate_is_asked_less_often() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.3, 100)
    race = Race(100, 120)
    race.join({"k": 0}, price=3.0)
    race.join({"k": 1}, price=1.0)

    run(race, np.array([0.5, 0.5]), noise)

    assert race._seen[0].sum() * 2 < race._seen[1].sum()


def test_a_dear_candidate_that_is_bad_is_dropped_like_any_other() -> None:
    race = Race(100, 300)
    for price in (3.0, 1.0, 1.0, 1.0):
        race.join({}, price=price)

    run(race, np.array([-1.0, 2.0, 2.0, 2.0]), np.zeros(100))

    assert race._seen[0].sum() * 3 < 40 < race._seen[1:][0].sum()


def test_who_joins_late_gets_half_of_what_the_others_had_even_if_it_looks_bad() -> None:
    race = Race(100, 160)
    for _ in range(4):
        race.join({})
    run(race, np.full(4, 2.0), np.zeros(100), upto=80)
    race.join({})  # 80 spent on 4: 20 each, and half of it is due

    run(race, np.array([2.0] * 4 + [-1.0]), np.zeros(100))

    assert 10 <= race._seen[4].sum() < 10 + 4  # a batch has four


def regret(seed: int, hint: str, calls: int) -> float:
    """Twelve candidates between 0.3 and 0.7, `calls` for each; the hint is true, reversed, shuffled or not there."""
    draw = np.random.default_rng(seed)
    truth = draw.permutation(np.linspace(0.3, 0.7, 12))
    hints = {"true": truth, "reversed": 1 - truth, "shuffled": draw.permutation(truth), "none": np.full(12, 0.5)}
    race = Race(100, 12 * calls)
    for z in hints[hint]:
        race.join({}, z=float(z))
    run(race, truth, draw.normal(0.0, 0.4, 100))
    return float(truth.max() - truth[race.posterior().mean.argmax()])


def test_a_hint_that_is_true_helps_and_one_that_misleads_does_little_harm() -> None:
    def mean(hint: str, calls: int) -> float:
        return float(np.mean([regret(seed, hint, calls) for seed in range(30)]))

    assert mean("true", 6) < mean("none", 6) / 2
    assert mean("shuffled", 6) < mean("none", 6) + 0.03
    assert mean("reversed", 20) < mean("none", 20) + 0.03


def test_the_best_on_both_is_found_among_many_of_whom_the_hints_are_wrong() -> None:
    """Forty hopeless ones, of whom the source did best on the worst, and one that is the best by far on both."""
    truth = np.append(np.linspace(0.0, 0.3, 40), 0.8)
    found = []
    for seed in range(10):
        race = Race(100, 41 * 8)
        for z in np.append(np.linspace(0.9, 0.1, 40), 0.95):
            race.join({}, z=float(z))
        run(race, truth, np.random.default_rng(seed).normal(0.0, 0.4, 100))
        found.append(int(race.posterior().mean.argmax()) == 40)

    assert all(found)


def test_every_prefix_of_the_shared_order_has_the_labels_in_their_proportions() -> None:
    labels = ["rare"] * 20 + ["common"] * 80

    order = shared_order(labels, seed=5)

    assert sorted(order) == list(range(100))
    for size in (10, 25, 50):
        rare = Counter(labels[i] for i in order[:size])["rare"]
        assert abs(rare - size / 5) <= 1


def test_the_same_observations_give_the_same_posterior_and_decisions_in_any_order() -> None:
    draw = np.random.default_rng(4)
    facts = [(k, i, float(draw.random())) for k in range(3) for i in range(6)]
    forward, backward = Race(6, 100), Race(6, 100)
    for race, sequence in ((forward, facts), (backward, facts[::-1])):
        for k in range(3):
            race.join({"k": k})
        for fact in sequence:
            race.observe(*fact)

    np.testing.assert_array_equal(forward.posterior().mean, backward.posterior().mean)
    assert forward.batch(100) == backward.batch(100)


def test_the_chance_to_be_better_is_that_of_a_normal_difference() -> None:
    """Means 0.1 apart, and a variance of the difference of 0.01 + 0.004 - 2 * 0.002 = 0.1 squared: one deviation."""
    found = Posterior(np.array([0.6, 0.5]), np.array([[0.01, 0.002], [0.002, 0.004]]))
    assert found.surely_better(0, 1) == pytest.approx(0.841345, abs=1e-6)
    assert found.surely_better(1, 0) == pytest.approx(0.158655, abs=1e-6)
