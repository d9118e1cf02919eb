"""Two runs at the same moment, each a process of its own, with one store in a file."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.tools.books import served
from tests.e2e.tools.runs import different, ended, small_task, started


def test_two_runs_that_share_a_file_pay_for_no_question_twice(tmp_path: Path) -> None:
    with served() as books:
        task = small_task(tmp_path, books.models, store="answers.sqlite")
        with started(task, tmp_path / "one") as first, started(task, tmp_path / "two") as second:
            for last in (ended(first), ended(second)):
                assert last.code == 0, last.err

    assert books.stats()["answered"] == len(books.answered) > 300
    assert not different(tmp_path / "one", tmp_path / "two")
