"""The examples of a pipeline and of tools: whole, consistent, and handed out with all their files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from optimizer.examples import EXAMPLES, copy_example
from optimizer.programs.shipped import program_of
from optimizer.prompt.suite import Suite
from optimizer.task import Task, load_task


def copied(name: str, folder: Path) -> Task:
    return load_task(copy_example(name, folder))


@pytest.mark.parametrize(("name", "beside"), [("desk", "tools.json"), ("claims", "program.json")])
def test_a_copy_has_every_file_that_its_task_names(name: str, beside: str, tmp_path: Path) -> None:
    task = copied(name, tmp_path)

    assert name in EXAMPLES
    assert {path.name for path in tmp_path.iterdir()} == {"task.yaml", "data.jsonl", beside}
    assert len(task.examples) >= 200 and not any("duplicate" in note for note in task.notes)


def test_the_right_calls_of_the_desk_are_whole(tmp_path: Path) -> None:
    """Every required argument is there, and is valid: a metric must not forgive what the data forgot."""
    task = copied("desk", tmp_path)
    calls: list[Any] = [call for example in task.examples for call in example.expected]  # type: ignore[union-attr]

    assert all(task.prompt.contract.read(json.dumps(example.expected)).status == "ok" for example in task.examples)
    assert set(Counter(call["name"] for call in calls)) == set(task.prompt.tools.functions)
    assert sum(len(example.expected) == 2 for example in task.examples) == 60  # type: ignore[arg-type]
    assert [message.role for message in task.prompt.messages] == ["system", "user", "assistant", "user"]


def test_the_letters_of_one_case_stay_together_and_every_unit_has_some(tmp_path: Path) -> None:
    task = copied("claims", tmp_path)

    assert isinstance(task.prompt, Suite)
    assert [(part.name, part.inputs, part.outputs) for part in task.prompt.parts] == [
        ("matter", ("letter",), ("matter",)),
        ("unit", ("matter",), ("unit",)),
    ]
    assert program_of(task.prompt).to_dict()["kind"] == "dspy"
    cases = Counter(example.group for example in task.examples)
    units = {example.group: set() for example in task.examples}  # type: dict[Any, set[Any]]
    for example in task.examples:
        units[example.group].add(example.expected)
    assert len(cases) == 42 and all(len(found) == 1 for found in units.values())
    assert Counter(example.expected for example in task.examples).keys() == {"motor", "home", "travel", "legal"}
