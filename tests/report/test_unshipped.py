"""A run whose prompt no bundle can hold says so before it is paid for, and claims none afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optimizer.report.summary import outcome, outcome_json
from optimizer.task import load_task
from tests.conftest import Walked
from tests.walking import finished, write_task


def test_values_of_several_types_are_told_before_the_run_and_no_bundle_is_claimed_after_it(tmp_path: Path) -> None:
    write_task(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "data.jsonl").read_text("utf-8").splitlines()]
    mixed = [{**row, "more": "x" if place == 3 else place} for place, row in enumerate(rows)]
    (tmp_path / "mixed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed), "utf-8")
    task: dict[str, Any] = {
        "data": {"path": "mixed.jsonl", "expected": "gold"},
        "prompt": {"user": "{{more}}. Number: {{n}}"},
    }

    migration, run = finished(tmp_path, **task)

    (note,) = [one for one in load_task(tmp_path / "task.yaml").notes if "bundle" in one]
    assert note.startswith("the values of 'more' are of several types (int, str): there will be no bundle; write all")
    assert not (run / "bundle").exists()
    assert "bundle   none: it cannot hold this prompt (see the notes)" in outcome(migration, run)
    assert outcome_json(migration, run)["targets"][0]["bundle"] is None


def test_control_flow_is_told_before_the_run(tmp_path: Path) -> None:
    user = "{% if n %}Number: {{ n }}{% endif %}"
    write_task(tmp_path, prompt={"user": user, "syntax": "jinja2", "reply": {"labels": ["even", "odd"]}})

    (note,) = load_task(tmp_path / "task.yaml").notes

    assert note == "the prompt has Jinja control flow: there will be no bundle, only exports as prompty and mlflow"


def test_a_bundle_that_is_there_is_named(plain_run: Walked) -> None:
    told = outcome(plain_run.migration, plain_run.run)

    assert f"bundle   {plain_run.run / 'bundle'}" in told
