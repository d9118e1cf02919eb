"""Logs of conversations: turns of any number, traces that hold their calls, columns that a run does not read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.compare import compare
from optimizer.errors import DataError
from optimizer.importers import import_files
from optimizer.importers.parsing import files
from optimizer.importers.standin import refuse_standins
from optimizer.importers.writing import write_task
from optimizer.recorded import load_recording
from optimizer.task import load_task

FORMS = "prompt: 'Before:\n\n  {{history}}\n\n  Now: {{input}}'\nsource: offline/sim-alpha\ntarget: offline/sim-beta\n"
TURNS = """prompt:
  messages:
    - {role: system, content: Sort.}
    - {role: placeholder, content: "{{turns}}"}
    - {role: user, content: "{{input}}"}
source: offline/sim-alpha
target: offline/sim-beta
"""


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


def said(folder: Path, number: int) -> list[tuple[str, str]]:
    """What the source is asked for a row of the task in the folder."""
    task = load_task(folder / "task.yaml")
    return [(m.role, m.content) for m in task.prompt.render(task.examples[number].inputs).messages]


def recorded(call: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in call["input"]]


def test_a_log_of_conversations_becomes_a_task_that_asks_what_was_asked(tmp_path: Path) -> None:
    calls = [call(n, earlier=n % 3) for n in range(12)]
    (tmp_path / "log.json").write_text(json.dumps({"data": calls}), "utf-8")
    write_task(import_files([tmp_path / "log.json"]), tmp_path / "made", "log.json", load_task)

    for number in range(12):
        assert said(tmp_path / "made", number) == recorded(calls[number])

    (tmp_path / "task.yaml").write_text(f"data: {{path: log.json, format: langfuse, source: output}}\n{TURNS}", "utf-8")
    for number in range(12):
        assert said(tmp_path, number) == recorded(calls[number])


def test_what_all_conversations_begin_with_stays_in_the_prompt(tmp_path: Path) -> None:
    shown = [{"role": "user", "content": "q0"}, {"role": "assistant", "content": "a0"}]
    calls = [call(n, earlier=n % 2 + 1) for n in range(12)]
    (tmp_path / "log.json").write_text(json.dumps({"data": calls}), "utf-8")
    draft = import_files([tmp_path / "log.json"])

    assert [turn.role for turn in draft.turns] == ["system", "user", "assistant", "placeholder", "user"]
    assert [turn.content.text for turn in draft.turns[1:3]] == [turn["content"] for turn in shown]
    assert [len(row["turns"]) for row in draft.rows] == [0, 2] * 6  # type: ignore[arg-type]


def test_a_system_message_in_mid_conversation_stays_where_it_was_and_is_listed(tmp_path: Path) -> None:
    odd = call(12, earlier=2)
    odd["input"].insert(3, {"role": "system", "content": "Be brief."})
    (tmp_path / "log.json").write_text(
        json.dumps({"data": [*(call(n, earlier=n % 3) for n in range(12)), odd]}), "utf-8"
    )
    draft = import_files([tmp_path / "log.json"])

    assert len(draft.rows) == 12 and any("1 calls of another form" in lost for lost in draft.lost)


def made(name: str, **arguments: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "chat", name], "kwargs": arguments}


def text(role: str, template: str) -> dict[str, Any]:
    prompt = made("PromptTemplate", template=template, template_format="f-string")
    return made(f"{role}MessagePromptTemplate", prompt=prompt)


@pytest.mark.parametrize(
    ("messages", "turns", "lost"),
    [
        (
            [
                text("System", "Sort."),
                made("MessagesPlaceholder", variable_name="chat_history", optional=True),
                text("Human", "{input}"),
                made("MessagesPlaceholder", variable_name="agent_scratchpad"),
            ],
            [("system", "Sort."), ("placeholder", "{{chat_history}}"), ("user", "{{input}}")],
            ["the place of messages {{agent_scratchpad}}"],
        ),
        (
            [text("System", "Sort."), made("MessagesPlaceholder", variable_name="messages", n_messages=4)],
            [("system", "Sort."), ("placeholder", "{{messages}}"), ("user", "{{input}}")],
            ["kwargs.messages[1].kwargs.n_messages"],
        ),
    ],
)
def test_langchains_places_for_messages_are_kept(tmp_path: Path, messages: Any, turns: Any, lost: list[str]) -> None:
    """As langchain-core 1.7.2 dumps them; an optional place has an empty list for its value."""
    prompt = made("ChatPromptTemplate", messages=messages, partial_variables={"chat_history": []})
    (tmp_path / "prompt.json").write_text(json.dumps(prompt), "utf-8")
    draft = import_files([tmp_path / "prompt.json"])

    assert [(turn.role, turn.content.text) for turn in draft.turns] == turns
    assert [one.partition(":")[0] for one in draft.lost] == lost

    write_task(draft, tmp_path / "made", "prompt.json", load_task)  # its stand-ins for examples hold turns too
    with pytest.raises(DataError, match="is a stand-in of the import"):
        refuse_standins(load_task(tmp_path / "made/task.yaml").examples, "data")


def test_langfuses_place_for_messages_is_kept(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Sort."}, {"type": "placeholder", "name": "talk"}]
    prompt = {"name": "sort", "type": "chat", "prompt": [*messages, {"role": "user", "content": "{{input}}"}]}
    (tmp_path / "prompt.json").write_text(json.dumps({**prompt, "config": {}, "labels": [], "version": 1}), "utf-8")

    assert [(turn.role, turn.content.text) for turn in import_files([tmp_path / "prompt.json"]).turns] == [
        ("system", "Sort."),
        ("placeholder", "{{talk}}"),
        ("user", "{{input}}"),
    ]


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


def test_new_logs_are_read_as_the_tasks_own_are(tmp_path: Path) -> None:
    """For the gate: this week's traces in place of those that the task was made of."""
    for name, first in (("log.json", 0), ("week.json", 20)):
        (tmp_path / name).write_text(json.dumps({"data": [call(first + n) for n in range(12)]}), "utf-8")
    task = f"data: {{path: log.json, format: langfuse, source: output}}\n{FORMS}"
    (tmp_path / "task.yaml").write_text(task, "utf-8")

    found = load_task(tmp_path / "task.yaml", data=tmp_path / "week.json")
    assert found.examples[0].inputs["input"] == "ticket 20"
    assert found.recorded is not None and found.recorded["1"].text == "billing"

    (tmp_path / "task.yaml").write_text(task.replace("offline/sim-beta", "openai/gpt-4.1-mini"), "utf-8")
    with pytest.raises(DataError, match=r"holds answers of gpt-4.1-mini, a target"):
        load_task(tmp_path / "task.yaml", data=tmp_path / "week.json")


def test_new_logs_are_read_once_and_are_still_of_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counted(path: Path) -> str:
        opened.append(path.name)
        return path.read_text("utf-8")

    monkeypatch.setattr(files, "read_text", counted)
    week = [call(n) for n in range(12)]
    (tmp_path / "week.json").write_text(json.dumps({"data": week}), "utf-8")
    (tmp_path / "task.yaml").write_text(f"data: {{path: log.json, format: langfuse, source: output}}\n{FORMS}", "utf-8")
    load_task(tmp_path / "task.yaml", data=tmp_path / "week.json")
    assert opened == ["week.json"]

    other = [{**one, "model": "gpt-4.1"} for one in week]
    (tmp_path / "week.json").write_text(json.dumps({"data": week + other}), "utf-8")
    with pytest.raises(DataError, match=r"the files hold calls of gpt-4.1, gpt-4.1-mini; only one can be the source"):
        load_task(tmp_path / "task.yaml", data=tmp_path / "week.json")
