"""The wall clock is set in the middle of a run, backwards and forwards: nothing is decided, timed or paid by it."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest

from optimizer.models import bridge
from optimizer.models.stores.cache import CallStore
from optimizer.operations.beacon import Beacon
from optimizer.operations.status import as_text, status_of
from optimizer.progress import Progress, silent
from optimizer.types import Response
from tests.walking import crew, walk, write_task

WRITTEN = ("decision.json", "trials.jsonl", "baseline.jsonl", "confirmation.jsonl")


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the wall clock finds it an hour earlier or a day later than the last one did."""
    real, looks = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: real() + (-3600.0 if next(looks) % 2 else 86400.0))


def test_a_run_decides_the_same_however_the_wall_clock_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    task = write_task(tmp_path, budget={"minutes": 30})
    walk(task, tmp_path / "steady")
    request.getfixturevalue("jumping")
    walk(task, tmp_path / "jumping")

    for name in WRITTEN:
        assert (tmp_path / "jumping" / name).read_bytes() == (tmp_path / "steady" / name).read_bytes(), name
    clock = json.loads((tmp_path / "jumping" / "manifest.json").read_text())["clock"]
    assert 0 <= clock["seconds"] < 600, "a day of the wall clock is none of the run's minutes"


def test_a_run_that_is_started_again_before_it_began_asks_nothing_anew(tmp_path: Path, jumping: None) -> None:
    task = write_task(tmp_path)
    first, second = crew(), crew()
    walk(task, tmp_path / "run", first)
    walk(task, tmp_path / "run", second)

    assert (first.calls > 0, second.calls) == (True, 0)


def test_an_answer_of_tomorrow_is_an_answer(tmp_path: Path, jumping: None) -> None:
    with CallStore(tmp_path / "calls") as store:
        for n in range(4):
            bridge.run(store.keep(f"{n}", "m", Response(str(n))))
        assert [store.get(f"{n}") for n in range(4)] == [Response(str(n)) for n in range(4)]


def test_a_status_whose_notes_go_back_in_time_shows_no_rate_and_no_negative_age(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": 1, "status": "under way"}')
    at = [10_000.0]
    with Beacon(tmp_path / "status.json", silent, {"dollars": None}, lambda: at[0]) as beacon:
        beacon(Progress("search", "t", 0, 100, calls=10))
        at[0] -= 3600
        beacon(Progress("search", "t", 50, 100, calls=60))
        found = status_of(tmp_path, now=at[0] - 60)

    assert (found["state"], found["calls"], found["rate"], found["age"]) == ("running", 60, None, 0.0)
    assert found["eta"] is None
    assert "-" not in as_text(found).split("spent")[1]
