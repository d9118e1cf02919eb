"""A task is read whole: every variable filled, every gold answer possible, every recorded output under its contract."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizer.data.split import split_examples
from optimizer.errors import ConfigError, DataError
from optimizer.task import Task, load_task, with_target
from optimizer.types import Example, Output
from tests.walking import write_task

LABELS = "{labels: [low, high]}"
OBJECT = (
    "{schema: {type: object, required: [urgency, tags], properties: "
    "{urgency: {enum: [low, high]}, score: {type: integer}, tags: {type: array, items: {type: string}}}}}"
)


def write(folder: Path, data: str, rows: list[Any] | str, *, reply: str = "{}", extra: str = "") -> Path:
    """A task on `rows`: dicts for JSONL, a text for CSV."""
    csv = isinstance(rows, str)
    content = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    (folder / ("rows.csv" if csv else "rows.jsonl")).write_text(content, "utf-8")
    text = f"""\
data: {{path: rows.{"csv" if csv else "jsonl"}{data}}}
prompt: {{user: "Sort {{{{ticket}}}}", reply: {reply}}}
source: {{model: some/source, params: {{temperature: 0}}}}
target: some/target
{extra}"""
    path = folder / "task.yaml"
    path.write_text(text, "utf-8")
    return path


def load(folder: Path, data: str, rows: list[Any] | str, **more: str) -> Task:
    return load_task(write(folder, data, rows, **more))


def tickets(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"ticket": f"ticket {n}"} | more for n in range(count)]


def test_rows_become_examples_with_the_inputs_that_the_prompt_asks_for(tmp_path: Path) -> None:
    rows = [
        {"id": "a7", "body": "my parcel", "gold": "HIGH", "customer": 12, "unused": None},
        {"id": 8, "body": "", "gold": " low", "customer": None},
    ]
    data = ", id: id, fields: {ticket: body}, expected: gold, group: customer"
    task = load(tmp_path, data, rows, reply=LABELS)
    assert task.examples == (
        Example("a7", {"ticket": "my parcel"}, "high", "12"),
        Example("8", {"ticket": ""}, "low", None),
    )
    assert task.strata == {"a7": "high", "8": "low"}
    assert task.notes == ("1 of 2 rows have an empty 'ticket'",)
    assert task.prompt.params == {"temperature": 0}
    assert (task.folder, task.name) == (tmp_path, task.settings.name)
    assert task.recorded is None


def test_ids_are_row_numbers_unless_a_column_is_named(tmp_path: Path) -> None:
    assert [e.id for e in load(tmp_path, "", tickets(3, id="same")).examples] == ["1", "2", "3"]


def test_a_path_leads_into_objects(tmp_path: Path) -> None:
    rows = [{"call": {"text": "hello", "id": 5}, "gold": {"urgency": "low", "tags": []}}]
    data = ", id: call.id, fields: {ticket: call.text}, expected: gold, stratify: expected.urgency"
    task = load(tmp_path, data, rows, reply=OBJECT)
    assert task.examples == (Example("5", {"ticket": "hello"}, {"urgency": "low", "tags": []}),)
    assert task.strata == {"5": "low"}


def test_gold_objects_may_come_as_text_or_from_several_columns_and_need_not_be_whole(tmp_path: Path) -> None:
    as_text = 'ticket,gold\nx,"{""urgency"": ""low"", ""score"": 3}"\n'
    assert load(tmp_path, ", expected: gold", as_text, reply=OBJECT).examples[0].expected == {
        "urgency": "low",
        "score": 3,
    }
    in_columns = 'ticket,u,s,t\nx,high,7,"[""a""]"\ny,low,,\n'
    data = ", expected: {urgency: u, score: s, tags: t}"
    golds = [e.expected for e in load(tmp_path, data, in_columns, reply=OBJECT).examples]
    assert golds == [{"urgency": "high", "score": 7, "tags": ["a"]}, {"urgency": "low"}]


def test_gold_answers_are_optional_row_by_row(tmp_path: Path) -> None:
    rows = [{"ticket": "a", "gold": "low"}, {"ticket": "b", "gold": None}, {"ticket": "c"}]
    task = load(tmp_path, ", expected: gold", rows, reply=LABELS)
    assert [e.expected for e in task.examples] == ["low", None, None]
    assert task.notes == ("2 of 3 rows have no gold answer: there the source's own answer stands in for it",)
    with pytest.raises(
        ConfigError, match=r"task\.yaml:5: metrics: 'm' scores against the gold answer, but 2 of 3 rows"
    ):
        load(tmp_path, ", expected: gold", rows, reply=LABELS, extra="metrics: {name: m, against: gold}")


def test_recorded_outputs_are_read_under_the_contract(tmp_path: Path) -> None:
    csv = "ticket,answer,s,in,out,usd\na,HIGH ,1.5,10,1,0.001\nb,perhaps high,2,12.0,3,1e-4\nc,low,0,0,0,0\n"
    data = ", source: {output: answer, latency: s, input_tokens: in, output_tokens: out, cost: usd}"
    task = load(tmp_path, data, csv, reply=LABELS)
    assert task.recorded is not None
    assert task.recorded["1"] == Output("1", "HIGH", "high", "ok", None, 0.001, 1.5, 10, 1, 1)
    second = task.recorded["2"]
    assert (second.status, second.value, second.cost, second.input_tokens) == ("invalid", None, 0.0001, 12)
    assert second.error is not None and "none of the labels" in second.error
    assert task.unmeasured == frozenset()
    assert task.notes == ("1 of 3 recorded outputs break the reply's contract; they score 0",)


def test_recorded_objects_and_missing_outputs(tmp_path: Path) -> None:
    rows = [
        {"ticket": "a", "answer": {"urgency": "low", "tags": ["ü"]}},
        {"ticket": "b", "answer": None},
        {"ticket": "c"},
    ]
    task = load(tmp_path, ", source: answer", rows, reply=OBJECT)
    assert task.recorded is not None
    assert [output.status for output in task.recorded.values()] == ["ok", "failed", "failed"]
    assert task.recorded["1"].value == {"urgency": "low", "tags": ["ü"]}
    assert task.recorded["2"].error == "no output was recorded"
    assert task.unmeasured == {"cost", "latency", "input_tokens", "output_tokens"}
    assert [note.partition(",")[0] for note in task.notes] == [
        "2 of 3 rows have no recorded output; they count for neither side",
        "the record says nothing of the source's cost",
        "the record says nothing of the source's latency",
    ]


@pytest.mark.parametrize(("row", "recorded"), [({"log": {"said": "low"}}, True), ({"note": "-"}, False)])
def test_new_rows_bring_the_sources_answers_where_they_have_them(
    row: dict[str, Any], recorded: bool, tmp_path: Path
) -> None:
    path = write(tmp_path, ", source: log.said", tickets(20, log={"said": "low"}), reply=LABELS)
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(one | row) + "\n" for one in tickets(5)), "utf-8")

    assert (load_task(path, data=tmp_path / "new.jsonl").recorded is not None) is recorded


def test_the_cost_of_recorded_outputs_comes_from_tokens_and_price(tmp_path: Path) -> None:
    data = ", source: {output: answer, input_tokens: in, output_tokens: out}"
    path = write(tmp_path, data, "ticket,answer,in,out\na,low,1000,200\n", reply=LABELS)
    with pytest.raises(
        ConfigError, match=r"task\.yaml:3: source\.price: .*some/source.*or name a column in data\.source"
    ):
        load_task(path)
    priced = path.read_text("utf-8").replace("temperature: 0}", "temperature: 0}, price: {input: 2, output: 10}")
    path.write_text(priced, "utf-8")
    task = load_task(path)
    assert task.recorded is not None
    assert task.recorded["1"].cost == pytest.approx(0.004)  # 1000 * 2 / 1e6 + 200 * 10 / 1e6
    assert task.unmeasured == {"latency"}


def test_duplicate_rows_are_counted_and_stay_in_one_split(tmp_path: Path) -> None:
    rows = (
        [row | {"gold": "low"} for row in tickets(40)]
        + [{"ticket": " ticket  3 ", "gold": "high"}]
        + tickets(2, gold="low")
    )
    task = load(tmp_path, ", expected: gold", rows, reply=LABELS)
    assert task.notes == (
        "3 duplicate rows (equal inputs but for white space, 1 of them with another gold answer); "
        "they stay together in one split",
    )
    split = split_examples(task.examples, task.settings.split.fractions, strata=task.strata)
    assert any({"4", "41"} <= set(ids) for ids in split.ids.values())


@pytest.mark.parametrize(
    ("data", "rows", "text"),
    [
        (
            "",
            [{"tickt": "x", "gold": "low"}],
            "task.yaml:2: prompt: the template asks for 'ticket', which no column of rows.jsonl fills."
            " Did you mean 'tickt'? Its columns are tickt, gold; name the one that is meant, "
            "as in data.fields: {ticket: COLUMN}",
        ),
        (
            ", fields: {ticket: bdy}",
            [{"body": "x"}],
            "task.yaml:1: data.fields.ticket: there is no column 'bdy'. Did you mean 'body'? Known: the columns of",
        ),
        (
            ", fields: {tiket: ticket}",
            tickets(1),
            "task.yaml:1: data.fields.tiket: no such variable. Did you mean 'ticket'?",
        ),
        (", id: key", tickets(1, keys=1), "task.yaml:1: data.id: there is no column 'key'. Did you mean 'keys'?"),
        (", expected: gold", tickets(1, gold_answer=1), "task.yaml:1: data.expected: there is no column 'gold'."),
        (", expected: {a: gold}", tickets(1, gol=1), "data.expected.a: there is no column 'gold'. Did you mean 'gol'?"),
        (", group: customer", tickets(1), "task.yaml:1: data.group: there is no column 'customer'."),
        (", stratify: expected.x", tickets(1), "task.yaml:1: data.stratify: there is no column 'expected.x'."),
        (
            ", expected: {a: gold.a}",  # a path that leads nowhere would leave every row without a gold answer
            tickets(1, gold='{"a": 1}'),
            "data.expected.a: no row has anything at 'gold.a'; the column 'gold' holds text, and a path leads into",
        ),
        (
            ", human: {score: scores.tone, answer: a}",
            tickets(1, scores={"style": 3}, a="x"),
            "data.human.score: no row has anything at 'scores.tone'; the column 'scores' has no such part",
        ),
        (
            ", source: {output: a, cost: usd}",
            tickets(1, a="x"),
            "task.yaml:1: data.source.cost: there is no column 'usd'",
        ),
    ],
)
def test_columns_that_are_not_there_are_named_with_the_nearest(
    tmp_path: Path, data: str, rows: list[dict[str, Any]], text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, data, rows)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reply", "row", "text"),
    [
        (
            "",
            "{}",
            {"ticket": None},
            "field 'ticket': is null; the prompt asks for it in every row: fill it in or drop",
        ),
        (
            "",
            "{}",
            {"tiket": "x"},
            "field 'ticket': is missing; the prompt asks for it in every row",
        ),
        (
            ", id: id",
            "{}",
            {"ticket": "x", "id": 2},
            "field 'id': the id '2' is that of rows.jsonl, row 3; ids must be unique",
        ),
        (", id: id", "{}", {"ticket": "x", "id": None}, "field 'id': an id is a text or a whole number, found null"),
        (", id: id", "{}", {"ticket": "x", "id": 1.5}, "field 'id': an id is a text or a whole number, found 1.5"),
        (", id: id", "{}", {"ticket": "x"}, "field 'id': an id is a text or a whole number, found missing"),
        (
            ", expected: g",
            LABELS,
            {"ticket": "x", "g": "hihg"},
            "field 'g': 'hihg' is none of the labels. Did you mean 'high'?",
        ),
        (
            ", expected: g",
            OBJECT,
            {"ticket": "x", "g": "low"},
            "field 'g': the reply is JSON, so the gold answer must be JSON",
        ),
        (
            ", expected: g",
            OBJECT,
            {"ticket": "x", "g": {"tags": "a"}},
            "field 'g': no valid reply can equal it: $.tags must be",
        ),
        (
            ", source: {output: o, latency: s}",
            "{}",
            {"ticket": "x", "o": "a", "s": "1,5"},
            "field 's': must be a number, 0 or",
        ),
        (
            ", source: {output: o, latency: s}",
            "{}",
            {"ticket": "x", "o": "a", "s": -1},
            "0 or more, as in 1.5, found -1",
        ),
        (", source: {output: o, latency: s}", "{}", {"ticket": "x", "o": "a", "s": "nan"}, 'as in 1.5, found "nan"'),
        (", source: {output: o, latency: s}", "{}", {"ticket": "x", "o": "a"}, "as in 1.5, found nothing"),
        (
            ", source: {output: o, input_tokens: n}",
            "{}",
            {"ticket": "x", "o": "a", "n": 1.5},
            "field 'n': must be a whole number, 0 or more, as in 12, found 1.5",
        ),
    ],
)
def test_the_one_row_that_lacks_something_is_named(
    tmp_path: Path, data: str, reply: str, row: dict[str, Any], text: str
) -> None:
    fine = [{"ticket": f"t{n}", "id": n, "g": None, "o": "low", "s": 1, "n": 3} for n in range(20)]
    with pytest.raises(DataError) as caught:
        load(tmp_path, data, [*fine, row], reply=reply)
    assert text in str(caught.value)
    assert str(caught.value).startswith("rows.jsonl, row 21, field ")
    assert "\n" not in str(caught.value)


def test_many_bad_rows_are_listed_in_brief(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, "", [*tickets(3), *({"ticket": None} for _ in range(1234))])
    lines = str(caught.value).splitlines()
    assert len(lines) == 6 and lines[0].startswith("rows.jsonl, row 4,") and lines[4].startswith("  rows.jsonl, row 8,")
    assert lines[5] == "  ... and 1,229 more rows like these"


def test_a_record_without_any_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the column 'answer' holds no recorded output; leave data\.source out"):
        load(tmp_path, ", source: answer", tickets(3, answer=None))


def test_data_that_cannot_be_found_is_an_error_of_the_data(tmp_path: Path) -> None:
    path = write(tmp_path, "", tickets(1))
    (tmp_path / "rows.jsonl").unlink()
    with pytest.raises(DataError, match="no such file"):
        load_task(path)


def test_another_target_takes_the_place_of_all(tmp_path: Path) -> None:
    path = write(tmp_path, "", tickets(3))
    text = path.read_text("utf-8").replace("target: some/target", "targets: [{model: a/b, timeout: 5}, c/d]")
    path.write_text(text, "utf-8")
    task = load_task(path)
    assert [(t.model, t.timeout) for t in with_target(task, "a/b").settings.targets] == [("a/b", 5)]
    assert [(t.model, t.timeout) for t in with_target(task, "e/f").settings.targets] == [("e/f", 60)]
    with pytest.raises(ConfigError, match="target 'e f': must be a model's name"):
        with_target(task, "e f")


def test_a_task_of_usual_size_is_read_in_little_processor_time(tmp_path: Path) -> None:
    """With all imports, of which `datasets` takes most; and without the libraries that only a run needs."""
    rows = [{"ticket": "some words of a ticket " * 40 + str(n), "gold": "low"} for n in range(640)]
    path = write(tmp_path, ", expected: gold", rows, reply=LABELS)
    heavy = ("sklearn", "optuna", "litellm", "dspy", "torch")
    code = (
        "import sys; from optimizer.task import load_task; "
        f"load_task(sys.argv[1]); print([name for name in {heavy} if name in sys.modules])"
    )
    root = str(Path(__file__).parent.parent)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": root},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.strip() == "[]"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4  # about 1 s when nothing else runs


def test_a_variable_whose_name_has_spaces_is_told_to_be_none(tmp_path: Path) -> None:
    prompt = {"user": 'Ticket: {{ticket}} Tone: {{Customer tone (raw)}}, as in {{"a": {"b": 1}}}'}
    write_task(tmp_path, prompt=prompt, data={"path": "data.jsonl", "fields": {"ticket": "n"}})
    (note,) = load_task(tmp_path / "task.yaml").notes
    assert note.startswith("the prompt's {{Customer tone (raw)}} is sent as it stands")
    assert note.endswith("write {{customer_tone_raw}}, and in data.fields customer_tone_raw: COLUMN")


def test_a_column_without_any_score_of_people_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the column 'stars' holds no score; leave data.human out"):
        load(tmp_path, ", human: {score: stars, answer: ticket}", tickets(3, stars=""))
