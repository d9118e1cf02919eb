"""Logs of conversations: turns of any number, traces that hold their calls, columns that a run does not read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.compare import compare
from optimizer.importers import import_files
from optimizer.recorded import load_recording
from optimizer.task import load_task

FORMS = "prompt: 'Before:\n\n  {{history}}\n\n  Now: {{input}}'\nsource: offline/sim-alpha\ntarget: offline/sim-beta\n"


def call(number: int, earlier: int = 0) -> dict[str, Any]:
    turns = [
        message
        for n in range(earlier)
        for message in ({"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"})
    ]
    said = [{"role": "system", "content": "Sort."}, *turns, {"role": "user", "content": f"ticket {number}"}]
    return {
        "id": f"o{number}",
        "type": "GENERATION",
        "model": "gpt-4.1-mini",
        "input": said,
        "output": "billing",
        "latency": 1.2,
    }


def test_conversations_of_all_lengths_fit_one_prompt(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"data": [call(n, earlier=n % 3) for n in range(12)]}), "utf-8")

    (tmp_path / "task.yaml").write_text(f"data: {{path: log.json, format: langfuse, source: output}}\n{FORMS}", "utf-8")
    task = load_task(tmp_path / "task.yaml")

    assert len(task.examples) == 12
    assert task.examples[0].inputs == {"history": "", "input": "ticket 0"}
    assert task.examples[2].inputs["history"] == "User: q0\nAssistant: a0\nUser: q1\nAssistant: a1"

    draft = import_files([log])  # one form of conversation makes the prompt, and the way to the others is told
    assert len(draft.rows) == 4 and any(
        "8 calls of another form" in lost and "{{history}}" in lost for lost in draft.lost
    )


def test_langfuse_traces_hold_their_calls(tmp_path: Path) -> None:
    traces = [
        {"id": f"t{n}", "input": {"n": n}, "observations": [{"id": "s", "type": "SPAN"}, call(n)]} for n in range(5)
    ]
    (tmp_path / "traces.json").write_text(json.dumps({"data": traces}), "utf-8")
    draft = import_files([tmp_path / "traces.json"])

    assert draft.format == "langfuse"
    assert [row["input"] for row in draft.rows] == [f"ticket {n}" for n in range(5)]
    assert any("observations of the type SPAN" in lost for lost in draft.lost)


def playbook(path: Path, **more: Any) -> Path:
    rows = [
        {
            "sample_id": f"s{n}",
            "question": f"q{n}",
            "prompt_source_llm": f"Say: q{n}",
            "answer_source_llm": "x",
            "latency_source_llm": 1200 + n,
            "llm_judge_score_source_llm": 7,
            "human_score_reasoning_source_llm": "short",
        }
        for n in range(12)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([{**row, **more} for row in rows])
    return path


def test_what_judges_and_people_wrote_stays_in_the_data(tmp_path: Path) -> None:
    draft = import_files([playbook(tmp_path / "calls.csv")])

    assert draft.rows[0]["llm_judge_score_source_llm"] == "7"
    assert draft.rows[0]["human_score_reasoning_source_llm"] == "short"
    assert [lost.partition(":")[0] for lost in draft.lost] == [
        "the column 'llm_judge_score_source_llm'",
        "the column 'human_score_reasoning_source_llm'",
    ]


@pytest.mark.parametrize(("seconds", "odd"), [(1200, True), (1.2, False)])
def test_milliseconds_are_not_taken_for_seconds_in_silence(seconds: float, odd: bool, tmp_path: Path) -> None:
    playbook(tmp_path / "calls.csv", latency_source_llm=seconds)
    columns = "{output: answer_source_llm, latency: latency_source_llm}"
    (tmp_path / "task.yaml").write_text(
        f"data: {{path: calls.csv, source: {columns}}}\nprompt: 'Say: {{{{question}}}}'\n"
        "source: offline/sim-alpha\ntarget: offline/sim-beta\n",
        "utf-8",
    )
    assert any("1,200 s in the median; milliseconds" in note for note in load_task(tmp_path / "task.yaml").notes) is odd

    (tmp_path / "compare.yaml").write_text(
        f"data: {{path: calls.csv, id: sample_id}}\ncolumns: {columns}\nsource: a\ntarget: b\n", "utf-8"
    )
    notes = compare(load_recording(tmp_path / "compare.yaml")).notes
    assert [note.partition(" is ")[0] for note in notes if "milliseconds" in note] == [
        f"the recorded latency of {who}" for who in ("a", "b") if odd
    ]
