"""Reviewers' marks go where the next run's judge is held against them: from the sheet, by marks.jsonl, to the task."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimizer.errors import ConfigError, DataError, OptimizerError
from optimizer.results.rundir import RunDir
from optimizer.task import Task, load_task
from tests.conftest import Walked
from tests.review.laying import DIFFER, Row, as_csv, command, fill, sheet, written
from tests.walking import write_task

JUDGED = DIFFER
HUMAN = {"path": "marks.jsonl", "score": "score", "answer": "answer", "low": 1, "high": 5}


def differing(n: int) -> tuple[str, str]:
    return ("odd", "even") if n < DIFFER else ("even", "even")


def marked(row: Row, even: str, odd: str) -> Row:
    first = row["answer A"] == "even"
    return fill(row, mark_A=even if first else odd, mark_B=odd if first else even)


def reviewed(walked: Walked, folder: Path) -> Path:
    """The run directory, where Anna gives "even" 5 and "odd" 2, and Ben 4 and 2, who saw the first half alone."""
    run = written(walked, folder / "run", differing)
    given = sheet(run, folder / "sheet.csv")
    (folder / "anna.csv").write_text(as_csv([marked(row, "5", "2") for row in given]), "utf-8")
    (folder / "ben.csv").write_text(as_csv([marked(row, "4", "2") for row in given[: JUDGED // 2]]), "utf-8")
    ran = command(run, folder / "anna.csv", folder / "ben.csv")
    assert ran.exit_code == 0, ran.output
    assert f"marks    {run / 'marks.jsonl'}: to check" in ran.stdout
    (written_out,) = re.findall(r"human: (\{.*\})", ran.stdout)
    assert yaml.safe_load(written_out) == HUMAN
    return run


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "marks.jsonl").read_text("utf-8").splitlines()]


def next_task(run: Path, folder: Path, rows: list[dict[str, Any]] | None = None, **data: Any) -> Task:
    """A task on the same numbers, whose rows have no ids of their own."""
    found = lines(run) if rows is None else rows
    section = {"path": "data.jsonl", "expected": "gold", "human": HUMAN, **data}
    path = write_task(folder, data=section)
    (folder / "marks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")
    return load_task(path)


def test_each_answer_has_the_mean_of_its_marks_on_the_sheets_own_scale(plain_run: Walked, tmp_path: Path) -> None:
    found = lines(reviewed(plain_run, tmp_path))

    assert len(found) == 2 * JUDGED
    assert sorted((row["answer"], row["score"], tuple(row["reviewers"])) for row in found) == sorted(
        6
        * [
            ("even", 4.5, ("anna", "ben")),
            ("odd", 2.0, ("anna", "ben")),
            ("even", 5.0, ("anna",)),
            ("odd", 2.0, ("anna",)),
        ]
    )
    assert {(row["answer"], *row["of"]) for row in found} == {("even", "test/target"), ("odd", "test/source")}


def test_the_next_task_takes_the_file_as_it_is(plain_run: Walked, tmp_path: Path) -> None:
    run = reviewed(plain_run, tmp_path)
    rated = next_task(run, tmp_path / "next").rated

    assert rated.levels == 5 and len(rated.rows) == 2 * JUDGED
    assert {(output.value, mark) for (_, output, _), mark in rated.rows} == {
        ("even", 0.875),
        ("even", 1.0),
        ("odd", 0.25),
    }
    judged = RunDir.read(run).migration().targets[0].confirmation.source.outputs[:JUDGED]
    assert {example.id for (example, _, _), _ in rated.rows} == {output.example_id for output in judged}


def test_what_the_source_itself_said_is_not_held_against_itself(plain_run: Walked, tmp_path: Path) -> None:
    """The recorded source says the gold answer: half of the answers that were marked."""
    task = next_task(reviewed(plain_run, tmp_path), tmp_path / "next", source={"output": "gold"})

    for (example, output, reference), _ in task.rated.rows:
        assert (reference is None) is (output.text == example.expected)
    assert {reference is None for (_, _, reference), _ in task.rated.rows} == {True, False}


def test_marks_of_examples_that_are_gone_are_left_out_and_counted(plain_run: Walked, tmp_path: Path) -> None:
    found = lines(reviewed(plain_run, tmp_path))
    found[0]["id"] = found[3]["id"] = "gone"
    task = next_task(tmp_path / "run", tmp_path / "next", found)

    assert len(task.rated.rows) == 2 * JUDGED - 2
    assert "2 of 24 people's scores in marks.jsonl are of examples that are not in the data" in task.notes


def moved(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*rows[:2], rows[2] | {"inputs": {"n": 1000}}, *rows[3:]]


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (moved, DataError, "marks.jsonl, row 3: people scored another example than the one of id "),
        (lambda rows: [row | {"id": "x"} for row in rows], DataError, "none of its ids (the first is 'x') is of an"),
        (lambda rows: [row | {"score": 6} for row in rows], DataError, "must be a score from 1 to 5"),
        (
            lambda rows: [{"id": row["id"], "mark": 1, "answer": "even"} for row in rows],
            ConfigError,
            "data.human.score: there is no column 'score'",
        ),
    ],
)
def test_a_file_of_scores_that_does_not_fit_is_refused_in_words(
    plain_run: Walked, tmp_path: Path, change: Any, kind: type[OptimizerError], told: str
) -> None:
    run = reviewed(plain_run, tmp_path)
    with pytest.raises(kind, match=re.escape(told)):
        next_task(run, tmp_path / "next", change(lines(run)))


def test_a_table_of_scores_from_elsewhere_needs_an_id_a_score_and_an_answer(tmp_path: Path) -> None:
    path = write_task(
        tmp_path,
        data={
            "path": "data.jsonl",
            "human": {"path": "a.csv", "id": "case", "score": "s", "answer": "said", "high": 3},
        },
    )
    (tmp_path / "a.csv").write_text("case,s,said\n7,3,odd\n7,1,even\n8,,even\n", "utf-8")

    assert [(e.id, o.value, mark) for (e, o, _), mark in load_task(path).rated.rows] == [
        ("7", "odd", 1),
        ("7", "even", 0),
    ]


def test_without_marks_there_is_no_file_and_none_of_an_earlier_reading(plain_run: Walked, tmp_path: Path) -> None:
    run = reviewed(plain_run, tmp_path)
    given = sheet(run, tmp_path / "again.csv")
    (tmp_path / "carl.csv").write_text(as_csv([fill(row, preferred="A") for row in given]), "utf-8")
    ran = command(run, tmp_path / "carl.csv", "--json")

    assert ran.exit_code == 0 and json.loads(ran.stdout)["marks"] is None
    assert not (run / "marks.jsonl").exists()
    assert "marks  " not in command(run, tmp_path / "carl.csv").stdout
