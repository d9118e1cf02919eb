"""No broken file and no broken answer brings anything but the package's own errors. `python -m tests.fuzz` goes on."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, feed

ROUNDS = {
    "task": 150,
    "data": 100,
    "space": 400,
    "comparison": 250,
    "recorded": 100,
    "bundle": 400,
    "packed": 400,
    "reply": 1500,
    "answer": 60,
    "wire": 40,
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_right_is_taken(name: str, tmp_path: Path) -> None:
    """Else all that follows would be refused at the door."""
    if name not in ("bundle", "packed", "answer", "wire"):
        assert [feed(name, seed, tmp_path) for seed in TARGETS[name].seeds] == [""] * len(TARGETS[name].seeds)


@pytest.mark.parametrize("name", TARGETS)
def test_broken_input_is_refused_with_one_error_of_our_own(name: str, tmp_path: Path) -> None:
    random, refused = Random(f"{name}/unit"), 0
    for _ in range(ROUNDS.get(name, 100)):
        data = mutated(TARGETS[name].seeds, random)
        try:
            refused += bool(feed(name, data, tmp_path))
        except Exception as problem:
            pytest.fail(f"{data[:300]!r}... ({len(data)} bytes): {problem!r}")
    assert refused or name in ("reply", "answer", "wire")
