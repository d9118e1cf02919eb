"""The worked example of a notebook: it runs from top to bottom on a finished run, asks nobody and knows no machine."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

import optimizer.examples
from optimizer.cli import main
from tests.conftest import Walked

NOTEBOOK = Path(optimizer.examples.__file__).parent / "objective" / "objective.ipynb"


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return found


def test_the_notebook_is_stored_without_outputs_and_names_no_machine() -> None:
    for cell in cells():
        assert not cell.get("outputs") and cell.get("execution_count") is None
        assert "/home" not in "".join(cell["source"]) and "/work" not in "".join(cell["source"])
    assert sum(cell["cell_type"] == "code" for cell in cells()) >= 7


def test_every_cell_runs_on_a_finished_run_and_asks_nobody(
    plain_run: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, with a stand-in for IPython's display; in a kernel: tests/e2e/examples/test_notebook.py."""
    run = plain_run.copy(tmp_path / "run")
    display = ModuleType("IPython.display")
    shown: list[Any] = []
    display.__dict__.update(HTML=str, display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setenv("PROMPTPORT_RUN", str(run))
    before = hashlib.sha256((run / "calls.sqlite").read_bytes()).hexdigest()
    names: dict[str, Any] = {}
    for cell in cells():
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)  # noqa: S102  our own file

    assert hashlib.sha256((run / "calls.sqlite").read_bytes()).hexdigest() == before
    assert len(shown) == 2 and all("<svg" in text for text in shown)
    assert names["field"].size == len(names["study"].cells) >= 64
    assert names["gap"].mean() == pytest.approx(names["ours"].mean)
    assert set(names["trials"]["number"]) == {trial.number for trial in plain_run.migration.targets[0].search.trials}
    assert os.environ["PROMPTPORT_RUN"] == str(run)


def test_the_command_lays_it_beside_the_tables_and_never_over_somebodys_work(plain_run: Walked, tmp_path: Path) -> None:
    words = ["results", str(plain_run.run), "--out", str(tmp_path), "--as", "parquet", "--notebook"]
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "objective.ipynb").read_bytes() == NOTEBOOK.read_bytes()

    (tmp_path / "objective.ipynb").write_text("mine")
    assert CliRunner().invoke(main, words).exit_code == 0
    assert (tmp_path / "objective.ipynb").read_text() == "mine"
