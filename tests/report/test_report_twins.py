"""The report's twins: Markdown in which no text can do anything, JSON of a form that is written down."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

import optimizer.report
from optimizer.compare import compare
from optimizer.recorded import load_recording
from optimizer.report import as_page, write_report
from optimizer.report.figures.facts import gather
from optimizer.report.machine import as_json
from optimizer.report.markdown import as_markdown, escaped, safe
from optimizer.types import Score
from tests.conftest import Walked
from tests.recorded.test_compare import comparison, table, write_csv
from tests.report.test_report import EVIL, _filled, parsed

SCHEMA = json.loads((Path(optimizer.report.__file__).with_name("report.schema.json")).read_text("utf-8"))
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = [
    EVIL,
    "](https://evil.example) ![x](y) <https://evil.example> www.evil.example http://evil.example",
    "@everyone closes #1 ~~gone~~ **loud** `code` | cell | $x$ :bomb: &lt;script&gt; &#60;b&#62;",
    "line\n\n# heading\n\n- item\n\n```\nfence\n```\r\r---\n| a |\n|---|",
    "`` ``` </code></details> \\",
    "<!-- ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_in_markdown_any_text_is_shown_letter_for_letter_and_does_nothing(text: str) -> None:
    for written in (safe(text), f"| {safe(text)} | b |\n|---|---|\n| {safe(text)} | d |", escaped(text)):
        page = parsed(f"<div>{GFM.render(written)}</div>")
        allowed = {"div", "p", "code", "table", "thead", "tbody", "tr", "th", "td"}
        assert {element.tag for element in page.all()} <= allowed
        shown = re.sub(r"[ \t]*[\r\n]+[ \t]*", " ⏎ ", text).strip()
        assert shown in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_run_has_the_markdown_of_a_harmless_one(text: str, plain_run: Walked) -> None:
    def shape(told: str) -> list[str]:
        page = GFM.render(as_markdown(gather(_filled(plain_run.migration, told))))
        return [element.tag for element in parsed(f"<div>{page}</div>").all()]

    assert shape(text) == shape("harmless")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_come_whole_out_of_the_json_and_cannot_end_a_script(text: str, plain_run: Walked) -> None:
    written = as_json(gather(_filled(plain_run.migration, text)))

    assert not set("<>&") & set(written) and written.isascii()
    told = json.loads(written)
    assert (told["name"], told["source"], told["targets"][0]["reason"]) == (text, text, text)


def test_the_json_is_as_its_schema_says(plain_run: Walked) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    told = json.loads((plain_run.run / "report.json").read_text("utf-8"))

    Draft202012Validator(SCHEMA).validate(told)
    assert told["schema"] == SCHEMA["properties"]["schema"]["const"]
    assert set(told) == set(SCHEMA["properties"]), "every key is written down"
    target = SCHEMA["$defs"]["target"]["properties"]
    assert set(told["targets"][0]) - set(target) == {"noise", "family", "figures", "judges"}


def test_the_schema_refuses_a_report_without_its_numbers(plain_run: Walked) -> None:
    told = json.loads((plain_run.run / "report.json").read_text("utf-8"))
    del told["targets"][0]["measures"][0]["source"]["n"]

    assert not Draft202012Validator(SCHEMA).is_valid(told)


def test_a_comparison_without_cost_has_nulls_and_is_as_the_schema_says(tmp_path: Path) -> None:
    bare = {"source": {"model": "a", "output": "old_reply"}, "target": {"model": "b", "output": "new_reply"}}
    told = json.loads(as_json(gather(comparison(tmp_path, table(60, 0.9, 0.9), **bare))))

    Draft202012Validator(SCHEMA).validate(told)
    measures = {one["key"]: one for one in told["targets"][0]["measures"]}
    assert measures["cost_per_1000"]["target"] is None and measures["quality"]["target"]["n"] == 60
    assert told["targets"][0]["search"] is None and told["kind"] == "comparison"


def test_graded_scores_and_answers_cut_off_are_as_the_schema_says_too(plain_run: Walked) -> None:
    [result] = plain_run.migration.targets
    met = result.confirmation
    cut = (replace(met.winner.outputs[0], cut=1), *met.winner.outputs[1:])
    graded = (Score(0.5), *met.winner.scores[1:])
    found = replace(result, confirmation=replace(met, winner=replace(met.winner, outputs=cut, scores=graded)))
    facts = gather(replace(plain_run.migration, targets=(found,)))
    told = json.loads(as_json(facts))

    Draft202012Validator(SCHEMA).validate(told)
    assert {"quality_median", "cut_off"} <= {one["key"] for one in told["targets"][0]["measures"]}
    assert "| Quality, median | 60 |" in as_markdown(facts) and "Quality, median" in as_page(facts.run, facts)


def test_answers_that_were_declined_are_told_by_page_and_twins(plain_run: Walked) -> None:
    [result] = plain_run.migration.targets
    met = result.confirmation
    declined = (replace(met.winner.outputs[0], status="refused"), *met.winner.outputs[1:])
    found = replace(result, confirmation=replace(met, winner=replace(met.winner, outputs=declined)))
    facts = gather(replace(plain_run.migration, targets=(found,)))
    told = json.loads(as_json(facts))

    Draft202012Validator(SCHEMA).validate(told)
    [row] = [one for one in told["targets"][0]["measures"] if one["key"] == "declined"]
    assert row["target"]["value"] == pytest.approx(1 / 60) and row["more_is_better"] is False
    assert "Declined by model or filter | 60 |" in as_markdown(facts)
    assert "Declined by model or filter" in as_page(facts.run, facts)


def test_the_twins_say_what_the_page_says(plain_run: Walked) -> None:
    page = parsed((plain_run.run / "report.html").read_text("utf-8")).text
    markdown = (plain_run.run / "report.md").read_text("utf-8")
    told = json.loads((plain_run.run / "report.json").read_text("utf-8"))
    [target] = told["targets"]

    assert target["reason"] in page and escaped(target["reason"]) in markdown
    quality = next(one for one in target["measures"] if one["key"] == "quality")
    for side in ("source", "unchanged", "target"):
        figure = f"{quality[side]['value']:.3f}"
        assert figure in page and f"| {figure} (" in markdown
    for one in told["agreed"]:
        assert one["sha256"] in page and one["sha256"] in markdown
    assert f"{target['moves']['lower']:,} score lower" in markdown


def test_what_the_search_lost_is_told_by_page_and_twins(plain_run: Walked) -> None:
    [result] = plain_run.migration.targets
    lost = "gepa lost: 3 | 4 <calls> are too few"
    found = replace(result, search=replace(result.search, notes=(lost,)))
    facts = gather(replace(plain_run.migration, targets=(found,)))
    told = json.loads(as_json(facts))

    Draft202012Validator(SCHEMA).validate(told)
    assert told["targets"][0]["search"]["notes"] == [lost]
    assert f"- {safe(lost)}" in as_markdown(facts).splitlines()
    assert lost in parsed(as_page(facts.run, facts)).text


def test_equal_runs_give_equal_twins_also_when_written_again(plain_run: Walked, tmp_path: Path) -> None:
    write_report(plain_run.migration, tmp_path / "report.html")

    for name in ("report.html", "report.md", "report.json"):
        assert (tmp_path / name).read_bytes() == (plain_run.run / name).read_bytes()


def test_half_a_surrogate_pair_ends_none_of_the_twins(plain_run: Walked, tmp_path: Path) -> None:
    write_report(replace(plain_run.migration, name="half \ud83d a pair"), tmp_path / "report.html")

    assert "half ? a pair" in (tmp_path / "report.md").read_text("utf-8")
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["name"] == "half \ud83d a pair"


# -- what was agreed at the start


def test_the_hashes_are_those_of_the_runs_own_files(plain_run: Walked) -> None:
    manifest = json.loads((plain_run.run / "manifest.json").read_text("utf-8"))["files"]
    found = {one["origin"]: one["sha256"] for one in json.loads(as_json(gather(plain_run.migration)))["agreed"]}

    assert found["examples.jsonl"] == manifest["examples.jsonl"] and found["split.json"] == manifest["split.json"]


@pytest.mark.parametrize("section", ["metrics", "decision", "constraints"])
def test_what_is_agreed_otherwise_has_another_hash(section: str, plain_run: Walked) -> None:
    changed = {"metrics": [{"name": "exact_match"}], "decision": {"margin": 0.1, "confidence": 0.9}}
    other: dict[str, Any] = {**plain_run.migration.settings, section: changed.get(section, {"valid": 0.5})}
    before = {a.origin: a.sha256 for a in gather(plain_run.migration).agreed}
    after = {a.origin: a.sha256 for a in gather(replace(plain_run.migration, settings=other)).agreed}

    assert {origin for origin in before if before[origin] != after[origin]} == {section, "task.yaml"}


# -- stages: what the application does beside the prompt


def staged(tmp_path: Path, **side: Any) -> Any:
    rows = table(60, 0.9, 0.9)
    for n, row in enumerate(rows):
        row |= {"passages": f"p{n}", "found_s": 0.5, "found_usd": 0.002, "rank_old_s": 0.1, "rank_new_s": 0.3}
    write_csv(tmp_path / "data.csv", rows)
    stages = [
        {"name": "retrieve", "output": "passages", "latency": "found_s", "cost": "found_usd"},
        {"name": "rank", "frozen": False, "latency": "rank_old_s"},
    ]
    own = {"stages": {"rank": {"latency": "rank_new_s"}}}
    from tests.recorded.test_compare import side as of

    return comparison(tmp_path, rows, stages=stages, target=of("new", **own, **side))


def test_a_frozen_stage_counts_alike_on_both_sides_and_others_for_themselves(tmp_path: Path) -> None:
    migration = staged(tmp_path)
    (one,) = gather(migration).targets
    rows = {row.name: row for row in one.stages}
    latency = {name: tuple(side.value for side in row.sides["latency"]) for name, row in rows.items()}
    own = (one.result.confirmation.source.latency, one.result.confirmation.winner.latency)

    assert [row.kind for row in one.stages] == ["frozen", "its own", "compared", "total", "total"]
    assert latency["retrieve"] == pytest.approx((0.5, 0.5)) and latency["rank"] == pytest.approx((0.1, 0.3))
    assert latency["what is compared"] == pytest.approx(own)
    assert latency["All stages"] == pytest.approx((own[0] + 0.6, own[1] + 0.8))
    assert latency["Without the frozen ones"] == pytest.approx((own[0] + 0.1, own[1] + 0.3))
    cost = rows["All stages"].sides["cost"]
    assert cost[0].value == pytest.approx(1000 * one.result.confirmation.source.cost + 2.0)
    assert cost[0].n == 60 and cost[0].low is not None
    page = as_page(migration)
    assert "Stage by stage" in page and "Without the frozen ones" in page


def test_a_stage_that_is_called_frozen_but_differs_is_named(tmp_path: Path) -> None:
    rows = [{"case": f"c{n}", "gold": "x", "reply": "x", "passages": f"p{n}"} for n in range(20)]
    write_csv(tmp_path / "old.csv", rows)
    write_csv(tmp_path / "new.csv", [row | ({"passages": "other"} if n < 3 else {}) for n, row in enumerate(rows)])
    (tmp_path / "c.yaml").write_text(
        "data: {id: case, expected: gold}\ncolumns: {output: reply}\nmetrics: exact_match\n"
        "source: {model: old, path: old.csv}\ntarget: {model: new, path: new.csv}\n"
        "stages: [{name: retrieve, output: passages}]\n"
    )
    notes = compare(load_recording(tmp_path / "c.yaml")).notes

    assert any("its output 'passages' differs between old and new in 3 of 20 rows, first c0" in note for note in notes)
