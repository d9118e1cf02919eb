"""Models that are billed by the hour: what a call costs is the hour's share that the task states, and is said so."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from optimizer.config import ModelSettings
from optimizer.errors import ConfigError
from optimizer.exporters.formats.gateway import _deployment
from optimizer.exporters.registry import export
from optimizer.exporters.shipment import of_run
from optimizer.models.money.prices import Price
from optimizer.planning.agreement import fingerprint
from optimizer.planning.plan import plan
from optimizer.pricing import origin_of_prices, price_of
from optimizer.report.figures.growth import growth, in_words
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.task import load_task
from tests.hostile import gated
from tests.test_probe import run, task_at, to_target, without_usage
from tests.walking import TARGET, finished, write_task

HOURLY = {"per_hour": 39.6, "requests_per_hour": 4000}
CALL = 0.0099  # dollars: 39.6 / 4,000
PROVISIONED: dict[str, Any] = {"model": "test/target", "provisioned": HOURLY, "params": {"max_tokens": 8}}


@pytest.fixture(scope="module")
def by_the_hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Migration, Path]:
    return finished(tmp_path_factory.mktemp("hourly"), target=PROVISIONED, rows=80)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"provisioned": {"per_hour": 39.6}}, "target.provisioned.requests_per_hour: is missing: How many requests"),
        ({"provisioned": {"requests_per_hour": 40}}, "target.provisioned.per_hour: is missing: Dollars for all units"),
        ({"provisioned": {**HOURLY, "requests_per_hour": 0}}, "requests_per_hour: must be greater than 0, found 0"),
        ({"provisioned": {**HOURLY, "per_hour": -1}}, "per_hour: must be greater than 0, found -1"),
        ({"provisioned": {**HOURLY, "per_hour": 0}}, "per_hour: must be greater than 0, found 0"),
        ({"provisioned": {**HOURLY, "utilisation": 0.5}}, "target.provisioned.utilisation: unknown key"),
        ({"provisioned": HOURLY, "price": {"input": 1, "output": 1}}, "give either `provisioned` or `price`, not both"),
        ({"provisioned": HOURLY, "priced_as": "gpt-4o"}, "give either `provisioned` or `priced_as`, not both"),
        ({"price": {"input": 1, "output": 1, "per_hour": 2}}, "target.price.per_hour: unknown key"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_place(tmp_path: Path, section: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        load_task(write_task(tmp_path, target={"model": "test/target", **section}))


def test_a_call_costs_its_share_of_the_hour_whatever_its_tokens() -> None:
    price = price_of(ModelSettings.model_validate({"model": "openai/gpt-4o", "provisioned": HOURLY}))

    assert [price.cost(1, 1), price.cost(10**6, 5000, 10, 10, 10), price.worst(10**6, 10**6)] == [
        pytest.approx(CALL)
    ] * 3
    assert not price.free and not price.by_tokens
    assert Price(1.0, 2.0, call=0.5).cost(10**6, 10**6) == pytest.approx(3.5)


def test_dollars_objective_and_report_are_in_shares_of_the_hour(by_the_hour: tuple[Migration, Path]) -> None:
    found, folder = by_the_hour
    met = found.targets[0].confirmation

    assert met.unchanged and {output.cost for output in (*met.unchanged.outputs, *met.winner.outputs)} == {CALL}
    assert found.spend["target"].dollars == pytest.approx(CALL * found.spend["target"].calls)
    note = (
        "test/target: every call is reckoned at $0.0099, its share of $39.6 an hour at 4,000 requests an hour, "
        "whatever its length; at another load it is another amount, and the hours are billed whether the model is "
        "asked or not"
    )
    assert note in found.notes
    for name in ("report.html", "report.md"):
        assert note in html.unescape((folder / name).read_text("utf-8"))
    told = growth(found, 0)
    assert told and told.even is None
    assert in_words(told)[-1].endswith("the cost is not plain tokens times a known price.")


def test_the_estimate_counts_calls_and_a_budget_of_dollars_holds(tmp_path: Path) -> None:
    """120 examples: 60 held out meet two prompts, and a race of 48 calls."""
    task = load_task(write_task(tmp_path, target=PROVISIONED))
    expected = plan(task).expected

    assert expected.roles["target"].dollars == pytest.approx(CALL * 168)
    found, _ = finished(tmp_path / "capped", target=PROVISIONED, budget={"dollars": expected.least.dollars + 10 * CALL})
    assert found.spent.dollars <= expected.least.dollars + 10 * CALL
    assert found.targets[0].decision.comparison.n == 60


def test_advice_to_a_proposer_by_the_hour_is_no_call_of_its_own(tmp_path: Path) -> None:
    search = {"space": "tests.walking:WRITTEN", "trials": 6, "rounds": 2, "calls_per_trial": 8, "advice": "Be brief."}
    proposer = {"model": "test/proposer", "provisioned": HOURLY}
    usage = plan(load_task(write_task(tmp_path, proposer=proposer, search=search))).expected.roles["proposer"]

    assert usage.calls == 3 and usage.dollars == pytest.approx(3 * CALL), "two rounds, and a word before the source"


def test_judges_by_the_hour_are_told_too_and_each_model_once(tmp_path: Path) -> None:
    judge = {"model": "test/judge", "provisioned": HOURLY}
    sections: dict[str, Any] = {"judge": judge, "metrics": {"name": "judge"}, "source": PROVISIONED}
    notes = load_task(write_task(tmp_path, target=PROVISIONED, **sections)).settings.warnings

    assert [note.partition(":")[0] for note in notes if "an hour" in note] == ["test/target", "test/judge"]


def test_tokens_that_a_server_does_not_count_are_no_matter(tmp_path: Path) -> None:
    with gated(to_target(without_usage)) as gate:
        path = task_at(tmp_path, gate.url)
        text = path.read_text("utf-8")
        target = text.index("target:")
        priced = re.compile(r"  price:\n    input: [\d.]+\n    output: [\d.]+\n")
        given = f"  provisioned: {json.dumps(HOURLY)}\n"
        path.write_text(text[:target] + priced.sub(lambda _: given, text[target:], count=1), "utf-8")
        result = run("run", path, "--run-dir", tmp_path / "run", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["targets"][0]["cost_per_1000"] == pytest.approx(1000 * CALL)


def test_what_leaves_the_run_says_the_price_of_a_call(by_the_hour: tuple[Migration, Path]) -> None:
    found, folder = by_the_hour
    evidence = json.loads((folder / "bundle/bundle.json").read_text("utf-8"))["evidence"]
    assert evidence["prices_per_million"]["target"]["call"] == pytest.approx(CALL)
    assert "call" not in evidence["prices_per_million"]["source"]
    made = export(of_run(found), "promptfoo")
    assert "/ 1e6 + 0.0099 <= 0.012375" in "".join(str(content) for content in made.files.values())
    section = RunDir.read(folder).migration().settings["targets"][0]
    assert section["provisioned"] == HOURLY
    deployed = _deployment(section)
    assert (deployed["input_cost_per_token"], deployed["output_cost_per_token"]) == (0.0, 0.0)


def test_the_price_is_agreed_and_runs_without_one_go_on(tmp_path: Path) -> None:
    tasks = [
        load_task(write_task(tmp_path / str(n), target=target))
        for n, target in enumerate((PROVISIONED, PROVISIONED | {"provisioned": {**HOURLY, "per_hour": 40}}, TARGET))
    ]
    assert len({fingerprint(task) for task in tasks}) == 3
    section = ModelSettings.model_validate(PROVISIONED)
    assert origin_of_prices([section]).startswith("as stated in the task file")


def test_a_source_on_record_by_the_hour_needs_no_tokens_on_record(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"q": "a", "said": "b"}\n' * 3, "utf-8")
    (tmp_path / "task.yaml").write_text(
        "data: {path: data.jsonl, source: {output: said}}\nprompt: {user: '{{q}}'}\ntarget: offline/sim-beta\n"
        f"source: {{model: own/model, provisioned: {json.dumps(HOURLY)}}}\n",
        "utf-8",
    )
    task = load_task(tmp_path / "task.yaml")

    assert task.recorded and [output.cost for output in task.recorded.values()] == [pytest.approx(CALL)] * 3
    assert "cost" not in task.unmeasured and not any("source's cost" in note for note in task.notes)


def test_the_race_treats_long_and_short_prompts_alike(by_the_hour: tuple[Migration, Path]) -> None:
    """A call pays the same, however long its prompt: who saw as many examples cost as much."""
    trials = [trial for trial in by_the_hour[0].targets[0].search.trials if trial.cost is not None]
    assert {trial.cost for trial in trials} == {CALL}
    assert len({trial.input_tokens for trial in trials}) > 1
