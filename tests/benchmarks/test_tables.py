"""The rivals in the benchmark of recorded answers do what they are said to do; the tables are read as they are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from benchmarks.tables import ours, recorded, report, runs
from benchmarks.tables.game import Game, game
from benchmarks.tables.plain import Plain
from benchmarks.tables.recorded import Landscape
from benchmarks.tables.runs import METHODS, Cell, Outcome

needs_tables = pytest.mark.skipif(recorded.folder() is None, reason="the recorded tables are not there")


def played(accuracies: list[float], seed: int = 0) -> Game:
    draw = np.random.default_rng(seed)
    answers = (draw.random((len(accuracies), 200)) < np.array(accuracies)[:, None]).astype(np.int8)
    return Game(answers, np.array(accuracies), [None] * len(accuracies), [{}] * len(accuracies))


@pytest.mark.parametrize("name", [name for name in METHODS if name != "engine"])
def test_every_method_finds_a_prompt_that_stands_out(name: str) -> None:
    chosen, told = METHODS[name](played([0.2, 0.1, 0.95, 0.3, 0.2, 0.1]), 6 * 120, np.random.default_rng(1))

    assert chosen == 2
    assert told == pytest.approx(0.95, abs=0.1)


def test_the_plain_race_finds_it_too_and_reckons_as_its_model_says() -> None:
    assert Plain(played([0.2, 0.1, 0.95, 0.3, 0.2, 0.1]), 6 * 120, warm=False).winner() == 2

    source, factors = [0.2, 0.8, 0.5], [{"x": 1}, {"x": 2}, {"x": 1}]
    race = Plain(Game(np.zeros((3, 4), np.int8), np.zeros(3), source, factors), 12, warm=True)
    race.seen[0, :4] = race.seen[1, :3] = race.seen[2, :1] = 1
    race.values[race.seen > 0] = [0.5, 0.5, -0.5, 0.5, 0.5, -0.5, -0.5, 0.5]
    rho, own, like, spread = 0.25, 0.015, 0.004, race._spread()

    at = np.argwhere(race.seen > 0)  # all the answers as one normal vector, by its definition
    kin = 2 * np.outer([1, -2, 1], [1, -2, 1]) / 9  # two choices, each a centred column
    hints = np.array([-0.3, 0.3, 0.0])
    prior = 0.25 + own * np.eye(3) + like * kin + 0.25 * np.outer(hints, hints)
    shared = at[:, 1][:, None] == at[:, 1][None, :]
    cov = prior[np.ix_(at[:, 0], at[:, 0])] + rho * spread * shared + (1 - rho) * spread * np.eye(8)
    gain = prior[:, at[:, 0]] @ np.linalg.inv(cov)
    wanted = 0.5 * hints + gain @ (race.values[race.seen > 0] - 0.5 * hints[at[:, 0]])

    mean, first = race._known(rho, own, like)
    assert mean == pytest.approx(wanted)
    other = multivariate_normal(0.5 * hints[at[:, 0]], cov).logpdf(race.values[race.seen > 0])
    doubt = 0.5 * (math.log(own / 0.006) / 1.4) ** 2
    assert first + doubt - other == pytest.approx(8 / 2 * math.log(2 * math.pi))


def test_full_evaluation_has_room_for_a_hundred_examples_each_and_no_more() -> None:
    chosen = {METHODS["full evaluation"](played([0.0, 1.0]), 100, np.random.default_rng(seed))[0] for seed in range(20)}

    assert chosen == {0, 1}  # one prompt only, whichever was drawn


def test_sequential_halving_by_hand() -> None:
    """Four prompts, eight calls, two rounds: one example each, then two more for the two that are left."""
    answers = np.array([[1, 0, 0, 1], [0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], np.int8)
    four = Game(answers, np.zeros(4), [None] * 4, [{}] * 4)

    chosen, told = METHODS["sequential halving"](four, 8, np.random.default_rng(0))

    assert (chosen, told) == (2, 2 / 3)


def test_an_oracle_leaves_six_prompts_and_the_whole_budget_for_them() -> None:
    """The two worst of eight are right on the first example alone: they are not among the six."""
    answers = np.zeros((8, 4), np.int8)
    answers[:2, 0] = 1
    answers[7, 1:3] = 1
    game = Game(answers, np.arange(8) / 10, [None] * 8, [{}] * 8)

    assert METHODS["the best six, named by an oracle"](game, 3 * 8, np.random.default_rng(0)) == (7, 0.5)


def test_answers_that_are_drawn_keep_each_prompts_accuracy_and_fail_together() -> None:
    landscape = Landscape("made up", np.array([0.2, 0.7, 0.7]), None, np.array([[0.5, 0.6, 0.7]]), [{}] * 3)
    games = [game([landscape], seed) for seed in range(20)]

    truth = np.mean([np.sort(one.truth) for one in games], axis=0)
    np.testing.assert_allclose(truth, [0.2, 0.7, 0.7], atol=0.02)
    alike = [np.corrcoef(*one.answers[np.argsort(one.truth)[1:]])[0, 1] for one in games]
    assert 0.62 < np.mean(alike) < 0.78  # latent correlation 0.9 at 0.7: 0.70


def test_the_engine_keeps_the_first_prompt_unless_another_is_surely_better() -> None:
    rng = np.random.default_rng(0)
    kept = [ours.engine(played([0.6] * 10, seed), 100, rng)[0] == 0 for seed in range(20)]

    assert np.mean(kept) >= 0.75  # nine others have their chance of a false alarm
    assert all(ours.engine(played([0.3] + [0.9] * 9, seed), 200, rng)[0] != 0 for seed in range(5))


def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_game", lambda _table, seed, _link: played([0.2, 0.4 + seed / 10]))
    whole = runs.measure(Cell("made up", "uniform", 5, 4), tmp_path / ".")
    [file] = tmp_path.glob("*.csv")
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]) + "2,0.1", encoding="utf-8")

    again = runs.measure(Cell("made up", "uniform", 5, 4), tmp_path)

    np.testing.assert_allclose(again.regret, whole.regret, atol=1e-6)


def test_calls_needed_lie_between_two_budgets_on_a_logarithmic_line() -> None:
    def outcome(points: float) -> Outcome:
        return Outcome(np.full(2, points / 100), np.zeros(2), np.zeros(2))

    found = {Cell("t", "race", b, 2): outcome(r) for b, r in ((3, 4.0), (12, 2.0), (20, 1.0))}
    found[Cell("t", "sequential halving", 12, 2)] = outcome(3.0)

    assert report.calls_needed(found, "t", "race") == pytest.approx(6.0)  # half of the way from 3 to 12


def test_the_interval_of_times_fewer_draws_both_sides_of_a_game_together_and_is_wide_where_games_differ() -> None:
    def outcome(*regrets: float) -> Outcome:
        return Outcome(np.array(regrets), np.zeros(2), np.zeros(2))

    theirs = Cell("t", "sequential halving", 12, 2)
    level = {Cell("t", "race", 12, 2): outcome(0.1, 0.3), theirs: outcome(0.1, 0.3)}
    apart = level | {Cell("t", "race", 3, 2): outcome(0.1, 0.4)}  # with 3 calls level in one game, worse in the other

    assert report.interval_of_median(level, ["t"], "race") == pytest.approx((1.0, 1.0))
    assert report.interval_of_median(apart, ["t"], "race") == pytest.approx((1.0, 4.0))


@needs_tables
def test_the_tables_have_the_prompts_and_models_that_were_recorded() -> None:
    assert sum(len(one.accuracy) for one in recorded.recorded("capo_init")) == 165
    babe = {one.name: one for one in recorded.recorded("babe")}
    assert len(babe) == 13 and len(babe["gpt_4"].accuracy) == 8 and len(babe["flan_t5_xl"].accuracy) == 5
    assert len(recorded.recorded("slab")) == len(recorded.recorded("mind_your_format")) == 80
    assert all(np.ptp(one.accuracy) <= recorded.FLAT for one in recorded.recorded("promptbench"))
