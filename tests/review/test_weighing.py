"""What the judgements add up to, by the verdict's own statistics, and where it is told."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from sklearn.metrics import cohen_kappa_score

from optimizer.cli import main
from optimizer.report.markdown import safe
from optimizer.results.rundir import RunDir
from optimizer.verdict.statistics import paired
from tests.conftest import Walked
from tests.report.test_report_twins import SCHEMA
from tests.review.laying import Row, as_csv, command, fill, migration, sheet, target_is, written
from tests.review.test_reading import told

OTHER = {"A": "B", "B": "A"}


def judged(path: Path, rows: list[Row], say: str) -> Path:
    """A letter for each row: t prefers the target, s the source, n neither."""
    letters = [{"n": "same", "t": target_is(row), "s": OTHER[target_is(row)]} for row in rows]
    said = [fill(row, preferred=words[one]) for row, words, one in zip(rows, letters, say, strict=False)]
    path.write_text(as_csv(said), "utf-8", newline="")
    return path


@pytest.fixture
def laid(plain_run: Walked, tmp_path: Path) -> tuple[Path, list[Row]]:
    run = written(plain_run, tmp_path / "run")
    return run, sheet(run, tmp_path / "sheet.csv")


def test_preferences_are_compared_pair_by_pair_with_the_equal_answers_among_them(
    laid: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    run, rows = laid
    found = told(run, judged(tmp_path / "anna.csv", rows, "tttttttssnnn"))

    assert found["preferred"] == {"target": 7, "source": 2, "same": 3}
    # all 12 examples that differ were judged, so that all 47 with equal answers count as level
    level = [0.0] * (3 + 47)
    wanted = paired([1.0] * 7 + [0.0] * 2 + level, [0.0] * 7 + [1.0] * 2 + level, margin=0.05, confidence=0.95)
    assert found["preference"] == pytest.approx(vars(wanted))
    assert found["preference"]["mean"] == pytest.approx(5 / 59)


def test_where_a_part_was_judged_the_same_part_of_the_equal_answers_counts(
    laid: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    run, rows = laid
    found = told(run, judged(tmp_path / "anna.csv", rows, "tts"))

    assert (found["judged"], found["differing"], found["equal"], found["lost"]) == (3, 12, 47, 1)
    assert found["preference"]["n"] == 3 + 11  # 47 * 3 / 12, no more than is sure


def test_a_comment_alone_is_no_judgement_and_is_kept(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    said = [fill(row, preferred=target_is(row)) if n < 2 else fill(row, comment="hm") for n, row in enumerate(rows[:3])]
    path = tmp_path / "anna.csv"
    path.write_text(as_csv(said), "utf-8", newline="")

    found = told(run, path)

    assert (found["judged"], found["preferred"]) == (2, {"source": 0, "same": 0, "target": 2})
    assert found["preference"]["n"] == 2 + 7  # 47 * 2 / 12
    assert [one["comment"] for one in found["judgements"]] == ["", "", "hm"]


def test_two_reviewers_of_one_example_are_one_example(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    found = told(run, judged(tmp_path / "anna.csv", rows, "t" * 12), judged(tmp_path / "ben.csv", rows, "n" * 12))

    assert (found["judged"], found["preferred"]["target"], found["preferred"]["same"]) == (12, 12, 12)
    assert found["preference"]["mean"] == pytest.approx(12 * 0.5 / 59)


def test_reviewers_are_held_against_each_other(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    says = {"anna": "ttttssssnnnt", "ben": "tttnsssnnttt", "cleo": "ssssss"}
    found = told(run, *(judged(tmp_path / f"{name}.csv", rows, say) for name, say in says.items()))

    between = {tuple(one["reviewers"]): one["agreement"] for one in found["between"]}
    assert {pair: one["n"] for pair, one in between.items()} == {
        ("anna", "ben"): 12,
        ("anna", "cleo"): 6,
        ("ben", "cleo"): 6,
    }
    kappa = cohen_kappa_score(*(["snt".index(x) for x in says[n]] for n in ("anna", "ben")), weights="quadratic")
    assert between["anna", "ben"]["kappa"] == pytest.approx(kappa)
    assert between["anna", "ben"]["kappa_low"] < kappa < between["anna", "ben"]["kappa_high"]


def test_people_are_held_against_the_metric(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    """The metric has the target ahead on every third example, and behind on the others."""
    run, rows = laid
    held_out = [example["id"] for example in map(json.loads, (run / "examples.jsonl").read_text().splitlines())]
    order = {name: place for place, name in enumerate(json.loads((run / "split.json").read_text())["test"])}
    assert set(order) <= set(held_out)
    say = "".join("n" if order[row["id"]] == 5 else "t" if order[row["id"]] in (0, 3, 1) else "s" for row in rows)
    found = told(run, judged(tmp_path / "anna.csv", rows, say))["with_metric"]

    # ahead on 0, 3, 6, 9; people say so of 0, 3 and 1, and prefer the source on all others but 5
    assert (found["same"], found["other"], found["none"]) == (2 + 6, 3, 0)


def marked(path: Path, rows: list[Row], source: str, target: str) -> Path:
    sides = ({"mark_A": target, "mark_B": source}, {"mark_A": source, "mark_B": target})
    said = [fill(row, **sides[target_is(row) == "B"]) for row in rows]
    path.write_text(as_csv(said), "utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("source", "target", "verdict"), [("3", "5", "migrate"), ("5", "2", "stay"), ("3", "2.5", "inconclusive")]
)
def test_marks_have_a_verdict_of_their_own_under_the_tasks_margin(
    source: str, target: str, verdict: str, plain_run: Walked, tmp_path: Path
) -> None:
    run = written(plain_run, tmp_path / "run", lambda n: (f"old {n}", f"new {n}") if n < 36 else ("equal", "equal"))
    rows = sheet(run, tmp_path / "sheet.csv")
    found = told(run, marked(tmp_path / "anna.csv", rows, source, target))["marks"]

    ours, theirs = [(float(target) - 1) / 4] * 36 + [1.0] * 23, [(float(source) - 1) / 4] * 36 + [1.0] * 23
    assert found["verdict"] == verdict
    assert found["comparison"] == pytest.approx(vars(paired(ours, theirs, margin=0.05, confidence=0.95)))
    assert (found["n"], found["source"], found["target"]) == pytest.approx((36, theirs[0], ours[0]))


def test_too_many_examples_without_an_answer_leave_the_verdict_on_marks_open(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run", lambda n: (f"old {n}", f"new {n}"), lost=4)  # of 60: more than 5 %
    rows = sheet(run, tmp_path / "sheet.csv")
    found = told(run, marked(tmp_path / "anna.csv", rows, "1", "5"))

    assert (found["lost"], found["marks"]["n"], found["marks"]["verdict"]) == (4, 56, "inconclusive")
    assert "4 of 60 examples got no answer" in found["marks"]["reason"]


def test_the_runs_own_verdict_and_bundle_stay_as_they_are(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    kept = ["decision.json", "confirmation.jsonl", "manifest.json", "bundle.zip", "bundle/bundle.json"]
    before = [hashlib.sha256((run / name).read_bytes()).digest() for name in kept]
    ran = command(run, marked(tmp_path / "anna.csv", rows, "5", "1"))

    assert ran.exit_code == 0, ran.output
    assert [hashlib.sha256((run / name).read_bytes()).digest() for name in kept] == before
    assert "STAY (the run's own is MIGRATE, and stays)" in " ".join(ran.output.split())


def test_the_report_has_it_in_all_its_forms(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    hostile = '<script>alert(1)</script> | [x](https://evil.example) & "q"'
    said = [fill(row, preferred=target_is(row), comment=hostile, about="Tone/legal") for row in rows]
    (tmp_path / "<b>anna.csv").write_text(as_csv(said), "utf-8", newline="")
    found = told(run, tmp_path / "<b>anna.csv")
    page, short, program = ((run / f"report.{form}").read_text("utf-8") for form in ("html", "md", "json"))
    guide = (run / "review.md").read_text("utf-8")

    for text in (page, short, guide):
        assert "<script>alert(1)" not in text and "<b>anna" not in text
        assert text is page or "](https" not in text
    assert "What people say" in page and "The target is preferred 12 times" in page and "legal · 12 comments" in page
    assert "- people: " in short and "### tone: 12, target preferred 12" in guide and "### legal: 12" in guide
    told_to_programs = json.loads(program)
    Draft202012Validator(SCHEMA).validate(told_to_programs)
    assert told_to_programs["targets"][0]["review"]["preferred"] == found["preferred"]
    assert "judgements" not in told_to_programs["targets"][0]["review"]


def test_each_comment_says_what_its_letters_were(laid: tuple[Path, list[Row]], tmp_path: Path) -> None:
    run, rows = laid
    said = [fill(row, preferred=target_is(row), comment="A is short", about="length") for row in rows]
    (tmp_path / "anna.csv").write_text(as_csv(said), "utf-8", newline="")
    told(run, tmp_path / "anna.csv")
    lines = [line for line in (run / "review.md").read_text("utf-8").splitlines() if "A is short" in line]

    for row in rows:
        letters = "A target, B source" if target_is(row) == "A" else "A source, B target"
        [line] = [line for line in lines if line.startswith(f"- {safe(row['id'])},")]
        assert f"({letters})" in line and "preferred: target" in line


def test_sheets_that_are_read_later_take_the_place_of_the_earlier_and_that_is_said(
    laid: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    run, rows = laid
    anna, ben = (judged(tmp_path / f"{name}.csv", rows, "t" * 12) for name in ("anna", "ben"))
    assert "no longer counts" not in command(run, anna).output
    later = command(run, ben)
    both = command(run, anna, ben)

    assert "anna judged before and no longer counts: give all sheets at once" in later.output
    assert "no longer counts" not in both.output


def _damaged(found: dict[str, Any]) -> None:
    del found["targets"][0]["told"]


def _of_other_answers(found: dict[str, Any]) -> None:
    found["of"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "wanted"),
    [(_damaged, "review.json is damaged"), (_of_other_answers, "is of other answers than this run")],
)
def test_a_review_that_cannot_be_used_is_told_in_the_report(
    change: Any, wanted: str, laid: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    run, rows = laid
    told(run, judged(tmp_path / "anna.csv", rows, "t" * 12))
    found = json.loads((run / "review.json").read_text("utf-8"))
    change(found)
    (run / "review.json").write_text(json.dumps(found))
    assert CliRunner().invoke(main, ["report", str(run)]).exit_code == 0

    assert wanted in (run / "report.md").read_text("utf-8") and wanted in (run / "report.html").read_text("utf-8")
    assert json.loads((run / "report.json").read_text("utf-8"))["targets"][0]["review"] is None


def test_each_target_has_a_sheet_of_its_own_and_all_come_back_at_once(plain_run: Walked, tmp_path: Path) -> None:
    found = migration(plain_run)
    [result] = found.targets
    run = RunDir(plain_run.copy(tmp_path / "run"))
    run.write(replace(found, targets=(result, replace(result, model="test/other"))))
    asked = command(run.path)
    assert asked.exit_code == 2 and "--target test/target or test/other" in asked.output

    sheets = [sheet(run.path, tmp_path / f"{n}.csv", "--target", f"test/{n}") for n in ("target", "other")]
    assert not {row["code"] for row in sheets[0]} & {row["code"] for row in sheets[1]}
    paths = [
        judged(tmp_path / f"anna-{n}.csv", rows, say) for n, rows, say in zip("12", sheets, ("tt", "s"), strict=True)
    ]
    ran = command(run.path, *paths, "--json")
    assert ran.exit_code == 0, ran.output
    told_of = {one["model"]: one["preferred"] for one in json.loads(ran.stdout)["targets"]}
    assert told_of == {
        "test/target": {"source": 0, "same": 0, "target": 2},
        "test/other": {"source": 1, "same": 0, "target": 0},
    }
