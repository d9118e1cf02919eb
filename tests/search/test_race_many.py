"""Thousands of candidates: the model is about a bounded number of them, and those who left keep what they had."""

from __future__ import annotations

import random

import pytest

from optimizer.search.race import Race


def test_the_best_of_many_is_found_though_most_leave_the_model() -> None:
    draw = random.Random(3)
    truth = [draw.uniform(0.2, 0.6) for _ in range(700)]
    truth[30] = 0.95
    race = Race(60, budget=8_000.0, anchor=0)
    for wave in range(0, 700, 100):
        for k in range(wave, wave + 100):
            race.join({"k": k % 7})
        while pairs := race.batch(4_000.0 * (wave + 100) / 700):
            for k, place in pairs:
                race.observe(k, place, float(random.Random(f"{k}/{place}").random() < truth[k]))
    while pairs := race.batch(8_000.0):
        for k, place in pairs:
            race.observe(k, place, float(random.Random(f"{k}/{place}").random() < truth[k]))

    found = race.posterior()

    assert len(found.mean) == 700 and len(found.cov) <= 256
    assert int(found.mean.argmax()) == 30
    assert 0 in race.kept()  # the anchor never leaves
    assert found.surely_better(30, 0) > 0.99


def test_one_who_left_keeps_the_value_it_had() -> None:
    race = Race(10, budget=10_000.0, anchor=0)
    for k in range(256):
        race.join({})
        race.observe(k, 0, float(k != 17))
        race.observe(k, 1, float(k != 17))
    before = race.posterior().mean[17]

    race.join({})
    for place in range(2, 6):
        race.observe(200, place, 0.0)

    after = race.posterior()
    assert after.rows is not None and 17 not in after.rows
    assert after.mean[17] == pytest.approx(before)
    assert 17 not in race.kept()
