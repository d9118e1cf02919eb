"""Optuna's pruners in the race's place: the hopeless are cut, the good are measured to the end."""

from __future__ import annotations

import pytest

from optimizer.search.pruning import Pruning
from optimizer.search.study import PRUNERS

_EXAMPLES = 48


def run(name: str, truth: list[float], budget: float = 1000.0) -> Pruning:
    """Candidate k is right on the first `truth[k]` of every ten examples."""
    pruning = Pruning(_EXAMPLES, budget, name)
    for _ in truth:
        pruning.join({})
    while pairs := pruning.batch(budget):
        for candidate, place in pairs:
            pruning.observe(candidate, place, float(place % 10 < 10 * truth[candidate]))
    return pruning


@pytest.mark.parametrize("name", [name for name in PRUNERS if name != "none"])
def test_each_pruner_saves_calls_and_keeps_the_best(name: str) -> None:
    truth = [0.5, 0.8, 0.7, 0.6, 0.9, 0.2, 0.1, 0.3, 0.1, 0.2, 0.0, 0.1]

    pruning = run(name, truth)

    assert 4 in pruning.kept()
    assert pruning.spent < 0.9 * len(truth) * _EXAMPLES
    assert int(pruning.posterior().mean.argmax()) == 4


def test_none_measures_everything() -> None:
    pruning = run("none", [0.5, 0.1, 0.9])

    assert pruning.spent == 3 * _EXAMPLES
    assert pruning.kept() == [0, 1, 2]
    assert pruning.posterior().mean.tolist() == pytest.approx([0.5208, 0.1042, 0.9167], abs=1e-4)  # 25, 5, 44 of 48


def test_the_budget_holds_to_the_call() -> None:
    assert run("none", [0.5, 0.1, 0.9], budget=37).spent == 37


def test_late_arrivals_are_measured_too() -> None:
    pruning = run("wilcoxon", [0.5, 0.4])
    late = pruning.join({})

    assert {candidate for candidate, _ in pruning.batch(1000)} == {late}


def test_a_missing_answer_is_paid_for_and_teaches_nothing() -> None:
    pruning = Pruning(_EXAMPLES, 100, "median")
    pruning.join({})
    pruning.observe(0, 0, None)
    pruning.observe(0, 1, 1.0)

    assert pruning.spent == 2
    assert pruning.posterior().mean.tolist() == [1.0]
