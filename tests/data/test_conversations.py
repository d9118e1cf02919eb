"""Rows that hold the earlier turns of a conversation: in any usual form, or refused with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import DataError
from optimizer.task import Task, load_task

HELLO: list[Any] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
TASK = """data: {path: data.jsonl, group: GROUP}
prompt:
  messages:
    - {role: placeholder, content: "{{turns}}"}
    - {role: user, content: "{{message}}"}
source: offline/sim-alpha
target: offline/sim-beta
"""


def task(folder: Path, *turns: Any, group: bool = False) -> Task:
    rows: list[dict[str, Any]] = [
        {"message": f"m{n}", "who": f"w{n // 2}", **({"turns": given} if given is not ... else {})}
        for n, given in enumerate(turns)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "task.yaml").write_text(TASK.replace(", group: GROUP", ", group: who" if group else ""), "utf-8")
    return load_task(folder / "task.yaml")


@pytest.mark.parametrize(
    "written",
    [
        HELLO,
        json.dumps(HELLO),
        [{**HELLO[0], "name": "Ann"}, {**HELLO[1], "refusal": None, "tool_calls": None, "annotations": []}],
        [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}, HELLO[1]],
    ],
)
def test_turns_are_read_in_the_forms_that_applications_keep_them_in(tmp_path: Path, written: Any) -> None:
    assert task(tmp_path, *[written] * 12).examples[0].inputs == {"message": "m0", "turns": HELLO}


@pytest.mark.parametrize("nothing", [None, "", [], "[]", ...])
def test_a_row_that_begins_a_conversation_has_no_turns(tmp_path: Path, nothing: Any) -> None:
    assert task(tmp_path, nothing, *[HELLO] * 11).examples[0].inputs["turns"] == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("User: Hi", "must be a list of turns or its JSON, found 'User: Hi'"),
        ({"role": "user", "content": "Hi"}, "must be a list of turns, found"),
        (7, "must be a list of turns, found 7"),
        ([{"role": "system", "content": "Obey."}], "turn 1 is a system message: it belongs in the prompt"),
        ([*HELLO, {"role": "tool", "content": "x"}], "turn 3 must be {role: user or assistant, content: a text}"),
        ([{"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]}], "turn 1 must be"),
        ([{"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]}], "turn 1 must be"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}], "turn 1 must be"),
        (["Hi"], "turn 1 must be"),
    ],
)
def test_what_cannot_be_asked_again_is_refused_with_its_row(tmp_path: Path, written: Any, told: str) -> None:
    with pytest.raises(DataError) as caught:
        task(tmp_path, HELLO, written, *[HELLO] * 10)
    assert f"data.jsonl, row 2, field 'turns': {told}" in str(caught.value)


def test_rows_of_one_conversation_in_no_group_are_told(tmp_path: Path) -> None:
    other = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No."}]
    apart = [[{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}] for n in range(8)]

    def told(*turns: Any, group: bool = False) -> list[str]:
        return [note for note in task(tmp_path, *turns, group=group).notes if "begin alike" in note]

    (note,) = told(HELLO, [*HELLO, *other], other, *apart, [])
    assert note.startswith("2 of 12 rows") and "data.group" in note
    assert told(HELLO, other, *apart, [], []) == []
    assert told(HELLO, HELLO, *apart, [], [], group=True) == []


def test_a_row_that_begins_a_conversation_is_nothing_odd_but_turns_in_no_row_are(tmp_path: Path) -> None:
    def told(*turns: Any) -> list[str]:
        return [note for note in task(tmp_path, *turns).notes if "empty" in note]

    assert told(*[[]] * 4, *[HELLO] * 8) == []
    assert told(*[[]] * 12) == ["12 of 12 rows have an empty 'turns'"]
