"""A review sheet through a real spreadsheet: LibreOffice computes nothing in it, and what it saves is read back."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from optimizer.results.rundir import RunDir
from optimizer.review.pairs import blind, secret
from tests.conftest import Walked
from tests.e2e.tools.runs import Finished
from tests.review.laying import Row, as_csv, fill, rows, target_is, written

#: What a spreadsheet may take for a formula, a number, a date, or the end of a cell or of a row.
HOSTILE = (
    "=1+1",
    '=HYPERLINK("https://evil.example","x")',
    "+2",
    "-3.50",
    "@SUM(1)",
    "2024-03-01",
    "007",
    "1e5",
    "TRUE",
    'a,b;c\t"d"\n\n- =1+1\r\n| "e" |',
    "größer, 日本語, 🎫",
    " =1+1 ",
)
TEXTS = ("code", "id", "input", "answer A", "answer B")
COMMA, SEMICOLON, UTF8 = 44, 59, 76


@pytest.fixture(scope="session")
def office() -> str:
    """Large, and wanted here alone: tests that require their tools do not require this one."""
    return shutil.which("soffice") or pytest.skip("LibreOffice Calc is not installed")


def converted(office: str, path: Path, form: str, folder: Path, *, separator: int = COMMA, more: str = "") -> Path:
    words = [
        f"-env:UserInstallation=file://{folder}/profile",  # its own, since two must not share one
        "--headless",
        f"--infilter=CSV:{separator},34,{UTF8}{more}" if path.suffix == ".csv" else "--norestore",
        "--convert-to",
        form,
        "--outdir",
        str(folder),
        str(path),
    ]
    subprocess.run([office, *words], check=True, capture_output=True, timeout=300)
    return folder / f"{path.stem}.{form.partition(':')[0]}"


def saved(office: str, path: Path, folder: Path, separator: int, form: str) -> Path:
    """Opened by somebody in Germany, whose numbers and dates are recognised, kept as a workbook, and saved as CSV."""
    german = ",1,,1031,false,true"
    book = converted(office, path, form, folder, more=german)
    return converted(office, book, f"csv:Text - txt - csv (StarCalc):{separator},34,{UTF8}{german}", folder)


def command(*words: object) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "optimizer", "review", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def said(row: Row) -> Row:
    ours = target_is({"answer A": row["answer A"].lstrip("' ")})
    marks = ("4,5", "2") if ours == "A" else ("2", "4,5")
    return fill(row, preferred=ours, mark_A=marks[0], mark_B=marks[1], about="tone", comment='too "long";\nnot ours')


@pytest.mark.parametrize(("separator", "form"), [(COMMA, "ods"), (SEMICOLON, "xlsx")])
def test_a_sheet_comes_back_from_libreoffice(
    separator: int, form: str, office: str, plain_run: Walked, tmp_path: Path
) -> None:
    run = written(plain_run, tmp_path / "run", lambda n: (HOSTILE[n % 12], f"new {HOSTILE[n % 12]}"))
    command(run, "--out", tmp_path / "anna.csv")
    filled = [said(row) for row in rows((tmp_path / "anna.csv").read_bytes())]
    (tmp_path / "anna.csv").write_text("\ufeff" + as_csv(filled[::-1]), "utf-8", newline="")
    back = saved(office, tmp_path / "anna.csv", tmp_path / "office", separator, form)
    for was, row in zip(filled[::-1], rows(back.read_bytes(), chr(separator)), strict=True):
        assert {name: row[name].split() for name in TEXTS} == {name: was[name].split() for name in TEXTS}
    [target] = json.loads(command(run, back, "--json"))["targets"]

    assert target["preferred"] == {"source": 0, "same": 0, "target": 59}
    assert {tuple(one["marks"]) for one in target["judgements"]} == {(0.25, 0.875)}
    assert {one["comment"] for one in target["judgements"]} == {'too "long";\nnot ours'}


@pytest.mark.parametrize("separator", [",", ";"])
def test_libreoffice_computes_nothing_in_a_sheet(
    separator: str, office: str, plain_run: Walked, tmp_path: Path
) -> None:
    run = written(plain_run, tmp_path / "run", lambda n: (HOSTILE[n % 12], f"{HOSTILE[n % 12]}!"))
    command(run, "--out", tmp_path / "sheet.csv", "--separator", separator)
    book = converted(office, tmp_path / "sheet.csv", "ods", tmp_path / "office", separator=ord(separator))
    content = zipfile.ZipFile(book).read("content.xml").decode()

    assert "table:formula" not in content and "<text:a " not in content
    texts = html.unescape("".join(re.findall(r"<text:p>(.*?)</text:p>", content)))
    assert all(text in texts for text in ("'=1+1", "日本語", "🎫"))


def test_libreoffice_would_compute_the_same_texts_without_our_care(office: str, tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    with (tmp_path / "bare.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["answer"], ["=1+1"]])
    book = converted(office, tmp_path / "bare.csv", "ods", tmp_path / "office")

    assert "table:formula" in zipfile.ZipFile(book).read("content.xml").decode()


def test_two_reviewers_of_a_real_run(direct: Finished, tmp_path: Path) -> None:
    """The whole way by the command: one prefers the target's answers, the other the source's."""
    run = Path(shutil.copytree(direct.folder, tmp_path / "run"))
    verdict = (run / "decision.json").read_bytes()
    command(run, "--out", tmp_path / "sheet.csv", "--scale", "1", "10")
    found = RunDir.read(run)
    [laid] = blind(found.migration(), secret(found))
    first = {pair.code: pair.target_first for pair in laid.pairs}
    sheet = rows((tmp_path / "sheet.csv").read_bytes())
    assert {row["code"] for row in sheet} == set(first)
    for name, wanted in (("ours", True), ("theirs", False)):
        filled = [fill(row, preferred="A" if first[row["code"]] == wanted else "B", about=name) for row in sheet]
        (tmp_path / f"{name}.csv").write_text(as_csv(filled, ";"), "utf-8", newline="")
    text = command(run, tmp_path / "ours.csv", tmp_path / "theirs.csv")

    every = len(laid.pairs)
    assert f"preferred {every} times, the source {every}, neither 0" in text
    assert "less that of the source, is +0.0 points" in text
    assert "weighted kappa 0.00" in text, "no better than chance, where each says one thing of all"
    assert (run / "decision.json").read_bytes() == verdict
    assert "What people say" in (run / "report.html").read_text("utf-8")
    assert "### ours: " in (run / "review.md").read_text("utf-8")
