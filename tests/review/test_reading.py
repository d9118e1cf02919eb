"""Filled sheets come back in whatever form a spreadsheet gives them; what is wrong with one is told in one error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Walked
from tests.review.laying import Row, as_csv, command, fill, sheet, target_is, written

Change = Callable[[list[Row]], list[Row]]


def filled(row: Row) -> Row:
    """Prefers the target's answer, and marks it 4.5 where the source's has 2."""
    ours = target_is(row)
    marks = {"mark_A": "4.5", "mark_B": "2"} if ours == "A" else {"mark_A": "2", "mark_B": "4.5"}
    return fill(row, preferred=ours, comment=f"{ours} is better", about="Tone, length", **marks)


def told(run: Path, *sheets: Path) -> dict[str, Any]:
    ran = command(run, *sheets, "--json")
    assert ran.exit_code == 0, ran.output
    [target] = json.loads(ran.stdout)["targets"]
    found: dict[str, Any] = target
    return found


def read(run: Path, folder: Path, data: bytes) -> dict[str, Any]:
    (folder / "back.csv").write_bytes(data)
    return told(run, folder / "back.csv")


def _with(row: Row, name: str, change: Callable[[str], str]) -> Row:
    return row | {name: change(row[name])}


FORMS: dict[str, Callable[[list[Row]], bytes]] = {
    "as it was written": lambda rows: as_csv(rows).encode("utf-8-sig"),
    "without a byte-order mark": lambda rows: as_csv(rows).encode(),
    "semicolons": lambda rows: as_csv(rows, ";").encode("utf-8-sig"),
    "tabs in UTF-16": lambda rows: as_csv(rows, "\t").encode("utf-16"),
    "a line that names the separator": lambda rows: b"sep=;\r\n" + as_csv(rows, ";").encode(),
    "bare line feeds": lambda rows: as_csv(rows).replace("\r\n", "\n").encode(),
    "decimal commas": lambda rows: as_csv(
        [{name: "4,5" if text == "4.5" else text for name, text in row.items()} for row in rows], ";"
    ).encode(),
    "columns in another order": lambda rows: as_csv([dict(reversed(row.items())) for row in rows]).encode(),
    "rows in another order": lambda rows: as_csv(rows[::-1]).encode(),
    "a column more": lambda rows: as_csv([row | {"mine": "=1+1"} for row in rows]).encode(),
    "columns without a name": lambda rows: as_csv([row | {"": "7", " ": ""} for row in rows]).encode(),
    "no inputs and answers": lambda rows: as_csv(
        [{name: text for name, text in row.items() if not name.startswith(("input", "answer"))} for row in rows]
    ).encode(),
    "empty rows at the end": lambda rows: as_csv([*rows, dict.fromkeys(rows[0], "")]).encode(),
    "other letters and brackets": lambda rows: as_csv(
        [{name.upper().replace("(1 TO 5)", "(1 to 5)"): text for name, text in row.items()} for row in rows]
    ).encode(),
    "blanks and capitals": lambda rows: as_csv(
        [_with(row, "preferred (A / B / same)", lambda text: f" answer {text.lower()}. ") for row in rows]
    ).encode(),
    "ids as numbers": lambda rows: as_csv([_with(row, "id", lambda text: f"{text}.0") for row in rows]).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_sheet_says_the_same_in_every_form(form: str, plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    rows = list(map(filled, sheet(run, tmp_path / "sheet.csv")))
    found = read(run, tmp_path, FORMS[form](rows))

    assert found["preferred"] == {"source": 0, "same": 0, "target": 12}
    assert {tuple(one["marks"]) for one in found["judgements"]} == {(0.25, 0.875)}  # (2 - 1) / 4, (4.5 - 1) / 4
    assert {tuple(one["about"]) for one in found["judgements"]} == {("tone", "length")}
    assert {one["example_id"] for one in found["judgements"]} == {row["id"] for row in rows}


def test_rows_that_are_deleted_or_empty_are_not_judged(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    rows = sheet(run, tmp_path / "sheet.csv")
    found = read(run, tmp_path, as_csv([*map(filled, rows[:4]), *rows[4:7]]).encode())

    assert (found["judged"], found["differing"]) == (4, 12)


def test_marks_alone_are_a_preference_and_ties_have_many_names(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    rows = sheet(run, tmp_path / "sheet.csv", "--scale", "0", "10")
    said = [fill(row, mark_A="10", mark_B="0") for row in rows[:3]]
    said += [fill(row, mark_A="7", mark_B="7") for row in rows[3:5]]
    said += [fill(row, preferred=word) for row, word in zip(rows[5:], ("tie", "SAME", "both", "Neither"), strict=False)]
    found = read(run, tmp_path, as_csv(said).encode())

    ahead = sum(target_is(row) == "A" for row in rows[:3])
    assert found["preferred"] == {"source": 3 - ahead, "same": 6, "target": ahead}
    assert {tuple(one["marks"]) for one in found["judgements"][3:5]} == {(0.7, 0.7)}


def test_answers_behind_an_apostrophe_come_back(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run", lambda n: (f"=old {n}\n\n-a", f"-new {n}"))
    rows = sheet(run, tmp_path / "sheet.csv")
    bare = [
        fill({name: text.removeprefix("'").replace("\n\n", "\r\n\r\n") for name, text in row.items()}, preferred="A")
        for row in rows
    ]
    for form in (bare, [fill(row, preferred="A") for row in rows]):
        assert read(run, tmp_path, as_csv(form).encode())["judged"] == len(rows)


def _moved(rows: list[Row], name: str) -> list[Row]:
    """The column is sorted by itself: every cell stands one row lower."""
    cells = [row[name] for row in rows]
    return [row | {name: cell} for row, cell in zip(rows, cells[1:] + cells[:1], strict=True)]


WRONG: dict[str, tuple[Change, str]] = {
    "nothing filled in": (lambda rows: [fill(row, comment="", preferred="") for row in rows], "nothing is filled in"),
    "remarks alone": (lambda rows: [fill(row, comment="good", preferred="") for row in rows], "nothing is filled in"),
    "unknown preference": (
        lambda rows: [fill(rows[0], preferred="C"), *rows[1:]],
        "back.csv, row 1 (line 2) (id ID): 'preferred' must be A, B or same, found 'C'",
    ),
    "mark off the scale": (
        lambda rows: [fill(rows[0], preferred="", mark_A="6", mark_B="1"), *rows[1:]],
        "'mark A' must be a number from 1 to 5, found '6'",
    ),
    "mark that became a date": (
        lambda rows: [fill(rows[0], mark_A="03. Mai", mark_B="1"), *rows[1:]],
        "'mark A' must be a number from 1 to 5, found '03. Mai'",
    ),
    "one mark of two": (
        lambda rows: [fill(rows[0], mark_A="3"), *rows[1:]],
        "'mark B' must be a number from 1 to 5, found nothing",
    ),
    "against oneself": (
        lambda rows: [fill(rows[0], preferred="B", mark_A="5", mark_B="1"), *rows[1:]],
        "prefers B, but gives the other the higher mark",
    ),
    "no scale": (
        lambda rows: [
            {name.replace(" (1 to 5)", ""): text for name, text in fill(row, mark_A="2", mark_B="1").items()}
            for row in rows
        ],
        "no scale for the marks; the header must say it",
    ),
    "id edited": (lambda rows: [rows[0] | {"id": "edited"}, *rows[1:]], "is of id ID, found 'edited'"),
    "ids moved": (lambda rows: _moved(rows, "id"), "Sort whole rows only"),
    "codes moved": (lambda rows: _moved(rows, "code"), "Sort whole rows only"),
    "answers moved": (lambda rows: _moved(rows, "answer A"), "'answer a' is another answer than the one of id"),
    "code edited": (lambda rows: [rows[0] | {"code": "bbbb"}, *rows[1:]], "the code 'bbbb' is of no example"),
    "code deleted": (lambda rows: [rows[0] | {"code": ""}, *rows[1:]], "has no code"),
    "a row twice": (lambda rows: [*rows, rows[0]], "stands in back.csv, row 1 (line 2) too"),
    "no codes": (
        lambda rows: [{k: v for k, v in row.items() if k != "code"} for row in rows],
        "no column is called 'code'",
    ),
    "header alone": (lambda rows: [dict.fromkeys(rows[0], "")], "has a header but no rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sheet_is_refused_with_place_and_way_out(name: str, plain_run: Walked, tmp_path: Path) -> None:
    change, wanted = WRONG[name]
    run = written(plain_run, tmp_path / "run")
    rows = [fill(row, preferred="A") for row in sheet(run, tmp_path / "sheet.csv")]
    (tmp_path / "back.csv").write_text(as_csv(change(rows)), "utf-8", newline="")
    ran = command(run, tmp_path / "back.csv")

    assert ran.exit_code == 2 and not ran.exception.__cause__ and "Traceback" not in ran.output  # type: ignore[union-attr]
    assert wanted.replace("ID", repr(rows[0]["id"])) in ran.output
    assert not (run / "review.json").exists()


def test_a_sheet_of_another_run_is_known_for_one(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    other = written(plain_run, tmp_path / "other", lambda n: (f"old {n}", f"new {n}"))
    rows = [fill(row, preferred="A") for row in sheet(other, tmp_path / "sheet.csv")]
    (tmp_path / "back.csv").write_text(as_csv(rows), "utf-8", newline="")
    ran = command(run, tmp_path / "back.csv")

    assert ran.exit_code == 2 and "none of its 59 codes" in ran.output and "written for another run" in ran.output


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"PK\x03\x04 and more", "is a workbook, not CSV; save the sheet as CSV UTF-8"),
        ("code,preferred\nbcd,größer".encode("cp1252"), "byte 0xf6 at position 21 is not UTF-8"),
        (b"", "no column is called 'code'"),
        (b'code,preferred\nbcd,"open', "a quoted cell begins here and never ends"),
        (b"code,preferred\nbcd,A,B\n", "has 3 cells, the header has 2"),
    ],
)
def test_a_file_that_is_no_sheet_is_told(data: bytes, wanted: str, plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    (tmp_path / "back.csv").write_bytes(data)
    ran = command(run, tmp_path / "back.csv")

    assert ran.exit_code == 2 and wanted in ran.output


def test_files_are_reviewers_and_each_is_given_once(plain_run: Walked, tmp_path: Path) -> None:
    run = written(plain_run, tmp_path / "run")
    text = as_csv([fill(row, preferred="A") for row in sheet(run, tmp_path / "sheet.csv")])
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "anna.csv").write_text(text, "utf-8", newline="")
    paths = [tmp_path / folder / "anna.csv" for folder in ("a", "b")]

    assert told(run, *paths)["reviewers"] == list(map(str, paths)), "one name for two people would be one vote"
    assert "is given twice" in command(run, paths[0], paths[0]).output
    missing = command(run, tmp_path / "sheet_of_nobody.csv")
    assert missing.exit_code == 2 and "--out FILE" in missing.output
    mixed = command(run, paths[0], "--sample", 5)
    assert mixed.exit_code == 2 and "are for writing one" in mixed.output
