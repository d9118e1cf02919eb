"""Calls and scoring on the workers of a cluster: the bytes of a local run, also where workers are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from optimizer.pipeline import migrate
from optimizer.task import load_task
from tests.e2e.tools.books import Books, keys_now, served
from tests.e2e.tools.runs import different, small_task

KILLS = int(os.environ.get("PROMPTPORT_WORKER_KILLS", "2"))
SEARCH = {"space": "quick", "trials": 8, "rounds": 2, "calls_per_trial": 6}
_THREADS = 4  # calls that one worker has in flight

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:distributed.*"),
]


def ran(folder: Path, books: Books, models: Sequence[Any] = (), **sections: Any) -> Path:
    """The run directory of the small task, with its calls over HTTP."""
    source, target = models or books.models
    migrate(load_task(small_task(folder, (source, target), rows=60, search=SEARCH, **sections)), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Books]]:
    with served() as books:
        yield ran(tmp_path_factory.mktemp("local"), books), books


def test_a_run_on_dask_is_the_local_run_byte_for_byte_and_its_key_is_written_nowhere(
    local: tuple[Path, Books], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    canary = "canary-" + "k" * 24
    monkeypatch.setenv("PROMPTPORT_TEST_KEY", canary)  # workers started here have this environment
    with served() as books:
        keyed = [{**model, "api_key_env": "PROMPTPORT_TEST_KEY"} for model in books.models]
        run = ran(tmp_path, books, keyed, engine={"workers": "dask", "number": 2, "calls": _THREADS})

    assert different(run, local[0]) == []
    assert sorted(books.answered.values()) == [1] * len(local[1].answered), "each question once"
    assert [p for p in tmp_path.rglob("*") if p.is_file() and canary.encode() in p.read_bytes()] == []
    assert canary not in "".join(capfd.readouterr())


def test_a_run_on_ray_is_the_local_run_byte_for_byte(local: tuple[Path, Books], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with served() as books:
        run = ran(tmp_path, books, engine={"workers": "ray", "number": 1, "calls": _THREADS})

    assert different(run, local[0]) == []
    assert sorted(books.answered.values()) == [1] * len(local[1].answered), "each question once"


def test_costly_metrics_are_scored_on_the_workers(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    metric = "tests.e2e.servers.test_cluster:whereabouts"
    engine = {"workers": "dask", "number": 1, "calls": 2}
    task = small_task(tmp_path, rows=40, search={**SEARCH, "jobs": 2}, metrics=[metric], engine=engine)
    migrate(load_task(task), tmp_path / "run")

    written = (tmp_path / "run" / "confirmation.jsonl").read_text()
    assert {"pid"} <= {line[:3] for line in written.split('"')} and f"pid {os.getpid()}" not in written


def whereabouts(example: object, output: object, reference: object) -> object:
    """A metric that says in which process it was called."""
    from optimizer.types import Score

    return Score(0.5, f"pid {os.getpid()}")


def test_killed_workers_change_nothing_and_nothing_stored_is_asked_again(
    local: tuple[Path, Books], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """A cluster of three workers, one of which is killed every now and then; their nannies start them again.

    An answer that was on its way to a worker when that was killed has been received by nobody: it is asked for again,
    and is among the calls that are reported as wasted.
    """
    distributed = pytest.importorskip("distributed")
    whole, dice = len(local[1].answered), random.Random(int(os.environ.get("PROMPTPORT_WORKER_SEED", "40")))
    kept, kills = dict[str, int](), [0]
    run = tmp_path / "run"
    with (
        served() as books,
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=_THREADS, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
    ):
        over = threading.Event()

        def killer() -> None:
            for n in range(KILLS):
                if over.is_set() or not books.wait(max(1, int(0.8 * whole * (n + dice.random()) / KILLS)), 120):
                    return
                time.sleep(dice.uniform(0, 0.05))
                until = time.monotonic() + 60
                while not (there := [nanny.pid for nanny in cluster.workers.values() if nanny.pid]):
                    assert time.monotonic() < until, "no worker came back"
                    time.sleep(0.1)
                for key in keys_now(run) - kept.keys():
                    kept[key] = books.answered[key]
                with suppress(ProcessLookupError):  # it died of itself a moment ago, and counts as killed
                    os.kill(dice.choice(there), signal.SIGKILL)
                kills[0] += 1

        thread = threading.Thread(target=killer)
        thread.start()
        engine = {"workers": "dask", "address": cluster.scheduler_address}
        try:
            ran(tmp_path, books, engine=engine)
        finally:
            over.set()
            thread.join()
        twice = {key for key, count in books.answered.items() if count > 1}
        again = {key for key, count in kept.items() if books.answered[key] > count}
        more = books.stats()["requests"] - whole
    wasted = sum(role["wasted"] for role in json.loads((run / "manifest.json").read_text())["run"]["spend"].values())
    figure(
        f"{kills[0]} Dask workers killed: {len(books.answered)} questions, {len(twice)} of them answered again for "
        f"they were on the wire, {more} requests more than questions, {wasted} calls reported as wasted"
    )

    assert kills[0] == KILLS
    assert different(run, local[0]) == []
    assert again == set(), "what the driver had stored at a kill was not asked after it"
    assert len(twice) <= wasted <= KILLS * _THREADS
    assert more <= wasted, "every request beyond the first is reported"
    assert len(books.answered) == whole
