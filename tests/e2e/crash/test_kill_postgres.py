"""A run whose answers are on PostgreSQL, killed again and again; and two drivers that walk the same way at once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.pipeline import migrate
from optimizer.task import load_task
from tests.e2e.tools.books import Books, served
from tests.e2e.tools.postgres import Server
from tests.e2e.tools.runs import different, ended, finished, small_task, started

KILLS = int(os.environ.get("PROMPTPORT_KILLS", "4"))
TASK: dict[str, Any] = {"rows": 60, "search": {"space": "quick", "trials": 8, "rounds": 2, "calls_per_trial": 6}}
_FLYING = 16  # calls that may be in flight at once: the task file's default


def stored(url: str) -> set[str]:
    """The questions on the server; none before there is a table."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        if not db.execute("SELECT to_regclass('promptport_calls')").fetchone()[0]:
            return set()
        return {key for (key,) in db.execute("SELECT key FROM promptport_calls")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Books]]:
    """The same task on a file of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with served() as books:
        migrate(load_task(small_task(folder, books.models, **TASK)), folder / "run")
        yield folder / "run", books


def test_kills_leave_every_file_as_an_undisturbed_run_writes_it_and_no_stored_answer_is_asked_again(
    postgres: Server, undisturbed: tuple[Path, Books], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    url, dice, whole = postgres.database("killed"), random.Random(50), len(undisturbed[1].answered)
    kept, again, wire = set[str](), set[str](), set[str]()
    began = time.monotonic()
    with served() as books:
        task, run = small_task(tmp_path, books.models, store=url, **TASK), tmp_path / "run"

        def account(before: dict[str, int]) -> None:
            asked = {key for key, count in books.answered.items() if count > before.get(key, 0)}
            again.update(asked & kept)
            kept.update(stored(url))
            wire.update(asked - kept)

        for n in range(KILLS):
            before = dict(books.answered)
            with started(task, run) as process:
                if n == 0:
                    time.sleep(dice.uniform(0.05, 1.0))
                else:
                    assert books.wait(max(1, int(whole * (n - 1 + dice.random()) / (KILLS - 1))), 120)
                    time.sleep(dice.uniform(0, 0.05))
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL, process.communicate()
            books.settle()
            account(before)
        before = dict(books.answered)
        finished(task, run)
        account(before)
        twice = {key for key, count in books.answered.items() if count > 1}
        answered = set(books.answered)
    figure(
        f"killed {KILLS} times on PostgreSQL in {time.monotonic() - began:.0f} s: {len(answered)} questions, "
        f"{len(wire)} on the wire at a kill and {len(twice)} asked again for it"
    )

    assert different(run, undisturbed[0]) == []
    assert stored(url) == answered and len(answered) == whole
    assert again == set()
    assert twice <= wire and len(twice) <= KILLS * _FLYING


def test_two_drivers_at_once_pay_for_each_question_once_and_share_one_dashboard(
    postgres: Server, undisturbed: tuple[Path, Books], tmp_path: Path
) -> None:
    url = postgres.database("shared")
    with served() as books:
        tasks = [small_task(tmp_path / name, books.models, store=url, **TASK) for name in ("one", "two")]
        with started(tasks[0], tmp_path / "one/run") as first, started(tasks[1], tmp_path / "two/run") as second:
            ends = [ended(first), ended(second)]
        answered = books.answered.copy()

    assert [end.code for end in ends] == [0, 0], [end.err for end in ends]
    assert set(answered.values()) == {1}, "no question was paid for by both"
    assert len(answered) == len(undisturbed[1].answered)
    for name in ("one", "two"):
        assert different(tmp_path / name / "run", undisturbed[0]) == []
    assert sum(trials for _, trials in studies(url)) == len(written_trials(tmp_path / "one/run"))


def studies(url: str) -> list[Any]:
    """Name and number of trials of each of Optuna's studies on the server."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as db:
        found = db.execute(
            "SELECT study_name, count(trial_id) FROM studies JOIN trials USING (study_id) GROUP BY study_name"
        )
        return list(found)


def written_trials(run: Path) -> list[str]:
    return (run / "trials.jsonl").read_text().splitlines()


def test_a_store_without_its_server_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with served() as books:
        task = small_task(tmp_path, books.models, store="postgresql://nobody@127.0.0.1:1/none")
        with started(task, tmp_path / "run") as process:
            end = ended(process)

    assert end.code == 2 and "start the server" in end.err and "Traceback" not in end.err
    assert books.answered == {}


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    task = small_task(tmp_path, store="postgresql://me:hunter2secret@db/answers")
    with started(task, tmp_path / "run") as process:
        end = ended(process)

    assert end.code == 2 and "hunter2" not in end.err + end.out
    assert not (tmp_path / "run").exists()
