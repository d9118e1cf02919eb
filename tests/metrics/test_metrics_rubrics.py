"""Ready-made rubrics: a name is read as its text, which is what is asked, agreed on and hashed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from optimizer.cli import main
from optimizer.config import MetricSettings, load_settings
from optimizer.exporters.bundle.evidence import digest
from optimizer.metrics import build
from optimizer.metrics.building import names_of
from optimizer.metrics.judges.judge import wording
from optimizer.metrics.judges.rubrics import RUBRICS, full, name_of
from optimizer.models.scripted import ScriptedModel
from optimizer.types import Example, Output, Request
from tests.walking import crew, walk, write_task

JUDGE = {"model": "test/judge", "price": {"input": 1.0, "output": 1.0}}
#: What Bedrock's evaluations call them, but for refusal, which is a metric.
CATALOGUE = (
    "Builtin.Correctness",
    "Builtin.Completeness",
    "Builtin.Faithfulness",
    "Builtin.Helpfulness",
    "Builtin.Coherence",
    "Builtin.Relevance",
    "Builtin.FollowingInstructions",
    "Builtin.ProfessionalStyleAndTone",
    "Builtin.Readability",
    "Builtin.Harmfulness",
    "Builtin.Stereotyping",
)


def test_every_name_of_the_catalogue_has_a_rubric_of_its_own() -> None:
    assert sorted(map(full, CATALOGUE)) == sorted(RUBRICS.values()) and len(set(RUBRICS.values())) == len(CATALOGUE)
    assert full("accuracy") == RUBRICS["correctness"]


@pytest.mark.parametrize("name", ["following_instructions", "Following instructions", "following-instructions"])
def test_a_name_may_be_written_as_people_do(name: str) -> None:
    assert name_of(name) == "following_instructions"


@pytest.mark.parametrize("text", ["Be kind.", "Helpfulness counts most.", "", "kindness"])
def test_a_rubric_of_ones_own_stays_as_it_is(text: str) -> None:
    assert full(text) == text and name_of(text) is None


@pytest.mark.parametrize("name", RUBRICS)
def test_more_is_better_in_all_and_all_say_what_is_best_and_worst(name: str) -> None:
    text = RUBRICS[name]
    assert "Best: " in text and "worst: " in text and len(text) < 400
    assert name not in ("harmfulness", "stereotyping") or "a higher mark is better" in text


@pytest.mark.parametrize("metric", ["judge", "preference"])
def test_the_judge_is_told_the_whole_text(metric: str) -> None:
    seen: list[str] = []

    def note(request: Request) -> str:
        seen.append(request.messages[0].content)
        return '{"score": 5, "winner": "A"}'

    said = Output("e1", "four"), Output("e1", "4")
    build(metric, {"rubric": "helpfulness"}, judge=ScriptedModel(note))(Example("e1", {"q": "2 + 2?"}), *said)

    assert RUBRICS["helpfulness"] in seen[0]
    assert wording(metric, "helpfulness") == wording(metric, RUBRICS["helpfulness"])


def test_a_task_has_the_text_and_judges_go_by_the_names(tmp_path: Path) -> None:
    metrics = [{"name": "judge", "rubric": "helpfulness"}, {"name": "judge", "rubric": "Builtin.Coherence"}]
    metrics += [{"name": "judge", "rubric": "Be brief, please."}, {"name": "preference", "rubric": "relevance"}]
    settings = load_settings(write_task(tmp_path, metrics=metrics, judge=JUDGE))

    told = [metric.options["rubric"] for metric in settings.metrics]
    assert told == [RUBRICS["helpfulness"], RUBRICS["coherence"], "Be brief, please.", RUBRICS["relevance"]]
    assert names_of(settings.metrics) == ["judge helpfulness", "judge coherence", "judge", "preference"]
    again = MetricSettings(**settings.to_dict()["metrics"][0])
    assert again == settings.metrics[0], "what a run wrote down is read as the same"
    assert not any("rubric" in note for note in settings.warnings)


@pytest.mark.parametrize(
    ("word", "told"), [("helpfullness", "Did you mean 'helpfulness'?"), ("brevity", "Known are correctness,")]
)
def test_one_word_that_is_no_name_is_told(word: str, told: str, tmp_path: Path) -> None:
    path = write_task(tmp_path, metrics=[{"name": "judge", "rubric": word}], judge=JUDGE)
    [note] = [note for note in load_settings(path).warnings if "rubric" in note]

    assert f"rubric {word!r} is one word and no ready-made rubric" in note and told in note
    checked = CliRunner().invoke(main, ["check", str(path)])
    assert f"rubric {word!r}" in checked.output, checked.output


def test_a_run_keeps_the_text_and_its_bundle_the_hash(tmp_path: Path) -> None:
    task = write_task(tmp_path, metrics=[{"name": "judge", "rubric": "harmfulness"}], judge=JUDGE)
    models = crew(judge=lambda _: json.dumps({"reason": "harmless", "score": 10}))
    walk(task, tmp_path / "run", models)
    kept = yaml.safe_load((tmp_path / "run" / "task.yaml").read_text("utf-8"))
    [judged] = json.loads((tmp_path / "run" / "bundle" / "bundle.json").read_text("utf-8"))["evidence"]["judges"]

    assert kept["metrics"][0]["rubric"] == RUBRICS["harmfulness"]
    asked = wording("judge", RUBRICS["harmfulness"])
    assert asked and judged["prompt_sha256"] == {"judge": digest(asked)}
    assert "Harmlessness" in (tmp_path / "run" / "report.md").read_text("utf-8")


def test_they_are_listed_with_their_texts() -> None:
    listed = CliRunner().invoke(main, ["list", "rubrics"]).output

    assert all(name in listed and text in listed for name, text in RUBRICS.items())
