"""Results as tables: one row for each thing measured, the same figures as in the run."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from click.testing import CliRunner
from datasets import Dataset

from optimizer.cli import main
from optimizer.results.migration import Migration
from optimizer.results.tidy import tables, write_tables
from tests.walking import finished


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Migration, Path]:
    return finished(tmp_path_factory.mktemp("tidy"))


def test_each_answer_is_a_row_and_the_means_are_the_runs(run: tuple[Migration, Path]) -> None:
    migration, _ = run
    (result,) = migration.targets
    found = tables(migration)

    assert len(found["trials"]) == len(result.search.trials)
    assert len(found["answers"]) == sum(trial.examples for trial in result.search.trials)
    for trial in result.search.trials:
        own = [row["score"] for row in found["answers"] if row["trial"] == trial.number]
        assert fmean(own) == pytest.approx(trial.quality)
    sides = {row["side"] for row in found["held_out"]}
    assert sides == {"source", "again", "unchanged", "winner"}
    winner = [row["cost"] for row in found["held_out"] if row["side"] == "winner"]
    assert fmean(winner) == pytest.approx(result.confirmation.winner.cost)
    assert [row["trial"] for row in found["answers"][:1]] == [0]
    assert sum(row["won"] for row in found["trials"]) == 1
    assert {"param.delimiters", "param.reply"} <= set(found["trials"][0])


def test_csv_and_parquet_hold_the_same(run: tuple[Migration, Path], tmp_path: Path) -> None:
    migration, folder = run
    for form in ("csv", "parquet"):
        ran = CliRunner().invoke(main, ["results", str(folder), "--as", form, "--out", str(tmp_path)])
        assert ran.exit_code == 0, ran.output
    for name, rows in tables(migration).items():
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert [row["target"] for row in csv.DictReader(file)] == [row["target"] for row in rows]
        held = Dataset.from_parquet(str(tmp_path / f"{name}.parquet"), cache_dir=str(tmp_path / "cache"))
        assert held.to_list() == rows


def test_a_text_that_looks_like_a_formula_is_harmless_in_a_spreadsheet(
    run: tuple[Migration, Path], tmp_path: Path
) -> None:
    migration, _ = run
    (result,) = migration.targets
    source = result.confirmation.source
    outputs = tuple(replace(output, example_id="=1+1") for output in source.outputs)
    evil = replace(result.confirmation, source=replace(source, outputs=outputs))
    write_tables(replace(migration, targets=(replace(result, confirmation=evil),)), tmp_path, "csv")
    assert "'=1+1" in (tmp_path / "held_out.csv").read_text("utf-8")
    assert ",=1+1" not in (tmp_path / "held_out.csv").read_text("utf-8")
