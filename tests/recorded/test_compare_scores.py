"""Scores that were found elsewhere: several of them, on their own scales, alone and beside metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.compare import compare
from optimizer.errors import ConfigError, DataError
from optimizer.recorded import load_recording
from optimizer.report.figures.agreed import agreed
from optimizer.results.migration import Migration
from tests.recorded.test_compare import write_csv

SIDES = {
    "source": {"model": "a", "output": "a", "score": {"judge": "a_judge", "ragas": "a_ragas"}},
    "target": {"model": "b", "output": "b", "score": {"judge": "b_judge", "ragas": "b_ragas"}},
}
SCALES = {"judge": {"low": 1, "high": 10, "weight": 2}}


def record(n: int = 80) -> list[dict[str, Any]]:
    """Marks from 1 to 10 and shares from 0 to 1, of every side."""
    return [
        {
            "case": i,
            "gold": "x",
            "a": "x",
            "b": "x" if i % 2 else "y",
            "a_judge": 10 if i % 4 else 1,
            "b_judge": 7,
            "a_ragas": 0.5,
            "b_ragas": 0.25,
        }
        for i in range(n)
    ]


def comparison(folder: Path, rows: list[dict[str, Any]], **sections: Any) -> Migration:
    write_csv(folder / "data.csv", rows)
    told = {"data": {"path": "data.csv", "id": "case", "expected": "gold"}, **SIDES, **sections}
    (folder / "compare.yaml").write_text(yaml.safe_dump(told), "utf-8")
    return compare(load_recording(folder / "compare.yaml"))


def test_several_scores_count_by_weight_each_on_its_own_scale(tmp_path: Path) -> None:
    met = comparison(tmp_path, record(), scores=SCALES).targets[0].confirmation
    # three of four marks are 10 (1.0), the others 1 (0.0); all of the target's are 7 (6/9)
    assert met.source.quality == pytest.approx((2 * 0.75 + 0.5) / 3)
    assert met.winner.quality == pytest.approx((2 * 6 / 9 + 0.25) / 3)
    assert met.winner.scores[0].parts == pytest.approx({"judge": 6 / 9, "ragas": 0.25})


def test_metrics_that_are_named_count_beside_scores_and_all_of_it_is_told(tmp_path: Path) -> None:
    migration = comparison(tmp_path, record(), scores=SCALES, metrics="exact_match")
    met = migration.targets[0].confirmation
    assert met.winner.quality == pytest.approx((0.5 + 2 * 6 / 9 + 0.25) / 4)
    assert met.winner.scores[0].parts == pytest.approx({"exact_match": 0.0, "judge": 6 / 9, "ragas": 0.25})
    told = {line.what: line.told for line in agreed(migration)}
    assert told["Metric"] == "exact_match against auto"
    assert told["Scores"] == "found elsewhere: judge (1 to 10), ragas (0 to 1)"


def test_no_metric_is_named_where_scores_alone_were_compared(tmp_path: Path) -> None:
    migration = comparison(tmp_path, record(), scores=SCALES)
    assert "Metric" not in {line.what for line in agreed(migration)}
    assert migration.settings["metrics"] == []


def test_examples_that_nobody_scored_are_left_out_and_counted(tmp_path: Path) -> None:
    names = ("a_judge", "b_judge", "a_ragas", "b_ragas")
    rows = [row if row["case"] < 60 else {**row, **dict.fromkeys(names, "")} for row in record()]
    migration = comparison(tmp_path, rows, scores=SCALES)
    assert migration.targets[0].decision.comparison.n == 60
    assert "20 of 80 examples have no score on any side; they are left out" in migration.notes


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({}, r"row 1 .*'a_judge': must be from 0 to 1, found 1?0?.*scores: \{judge: \{low: 1, high: 10\}\}"),
        ({"scores": {"jugde": {"high": 10}}}, "no side has a column for 'jugde'; known are judge, ragas"),
        ({"scores": {"judge": {"low": 10}}}, "high: must be above low"),
        ({"target": {"model": "b", "output": "b", "score": {"ragas": "b_ragas"}}}, "'b' has no column of scores"),
        (
            {"target": {"model": "b", "output": "b", "score": {"judge": "no", "ragas": "b_ragas"}}, "scores": SCALES},
            "'no'",
        ),
        ({"scores": SCALES, "metrics": {"name": "judge"}}, "'judge' is the name of a metric, too"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(sections: Any, problem: str, tmp_path: Path) -> None:
    rows = [{**row, "a_judge": row["a_judge"] + 1} if row["a_judge"] < 10 else row for row in record()]
    with pytest.raises((ConfigError, DataError), match=problem):
        comparison(tmp_path, rows, **sections)


def test_a_score_on_one_side_only_is_a_gap_in_the_record(tmp_path: Path) -> None:
    rows = [{**row, "b_judge": ""} if row["case"] == 3 else row for row in record()]
    with pytest.raises(DataError, match=r"row 4 .*'b_judge': must be from 1 to 10, found nothing"):
        comparison(tmp_path, rows, scores=SCALES)


def test_the_command_line_takes_marks_from_1_to_10(tmp_path: Path) -> None:
    file = str(write_csv(tmp_path / "data.csv", record()))
    named = ["--id", "case", "--source-output", "a", "--target-output", "b"]
    marks = ["--column", "source.score=a_judge", "--column", "target.score=b_judge"]
    refused = CliRunner().invoke(main, ["compare", file, *named, *marks])
    assert refused.exit_code == 2 and "--scale 1 10" in refused.output
    done = CliRunner().invoke(main, ["compare", file, *named, *marks, "--scale", "1", "10"])
    assert done.exit_code == 0, done.output
    assert "0.750" in done.output and "0.667" in done.output
    again = CliRunner().invoke(main, ["rescore", str(tmp_path / "data-comparison"), "--margin", "0.2"])
    assert again.exit_code == 0, again.output
