"""The worked example of a notebook, run by Jupyter's own client in a kernel of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.tools.environments import needed
from tests.e2e.tools.runs import Finished
from tests.examples.test_notebook import NOTEBOOK


def test_the_notebook_runs_from_top_to_bottom_beside_the_tables_of_a_run(
    direct: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("nbclient", "ipykernel"):
        needed(tool, "there" if find_spec(tool) else None)
    import nbformat
    from nbclient import NotebookClient

    run = Path(shutil.copytree(direct.folder, tmp_path / "run"))
    (run / "results").mkdir()
    before = hashlib.sha256((run / "calls.sqlite").read_bytes()).hexdigest()
    monkeypatch.delenv("PROMPTPORT_RUN", raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(run / "results")}}).execute()

    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    told = json.dumps(outputs)
    assert told.count("<svg") == 2 and str(run) not in told
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert hashlib.sha256((run / "calls.sqlite").read_bytes()).hexdigest() == before, "nobody was asked"
