"""Outputs that were recorded elsewhere: the verdict, its figures, and what is odd about them; no model is called."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy import stats

from optimizer.cli import main
from optimizer.compare import compare, write_comparison
from optimizer.errors import ConfigError, DataError, RunDirError
from optimizer.recorded import load_recording
from optimizer.report.figures.measures import measures
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.verdict.confirm import Verdict

PRICES = {"old": {"input": 2.0, "output": 8.0}, "new": {"input": 0.5, "output": 1.5}}


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def table(n: int, old: float, new: float, seed: int = 0) -> list[dict[str, Any]]:
    """Answers that are right with the given chances, with tokens, seconds and what they truly cost."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        row: dict[str, Any] = {"case": f"c{number}", "question": f"What is {number}?", "gold": f"answer {number}"}
        for model, chance in (("old", old), ("new", new)):
            read, wrote, price = int(rng.integers(200, 900)), int(rng.integers(3, 60)), PRICES[model]
            row |= {
                f"{model}_reply": row["gold"] if rng.random() < chance else "no idea",
                f"{model}_in": read,
                f"{model}_out": wrote,
                f"{model}_s": round(float(rng.gamma(3, 0.4)), 3),
                f"{model}_usd": read * price["input"] / 1e6 + wrote * price["output"] / 1e6,
            }
        rows.append(row)
    return rows


def side(model: str, **more: Any) -> dict[str, Any]:
    columns = {"output": "reply", "latency": "s", "input_tokens": "in", "output_tokens": "out", "cost": "usd"}
    named = {key: f"{model}_{column}" for key, column in columns.items()}
    return {"model": f"test/{model}", "price": PRICES[model], **named, **more}


def comparison(folder: Path, rows: Sequence[Mapping[str, Any]], **sections: Any) -> Migration:
    write_csv(folder / "data.csv", rows)
    told = {
        "data": {"path": "data.csv", "id": "case", "expected": "gold"},
        "source": side("old"),
        "target": side("new"),
        "metrics": "exact_match",
        **sections,
    }
    (folder / "compare.yaml").write_text(yaml.safe_dump({k: v for k, v in told.items() if v is not None}), "utf-8")
    return compare(load_recording(folder / "compare.yaml"))


# -- the figures


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [(0.80, 0.81, Verdict.MIGRATE), (0.90, 0.78, Verdict.STAY), (0.85, 0.80, Verdict.INCONCLUSIVE)],
)
def test_verdict_interval_and_cost_of_2000_rows_are_what_a_few_lines_of_scipy_say(
    old: float, new: float, expected: Verdict, tmp_path: Path
) -> None:
    rows = table(2000, old, new)
    migration = comparison(tmp_path, rows)
    (result,) = migration.targets
    decision, found = result.decision, result.decision.comparison

    right = np.array([[row[f"{model}_reply"] == row["gold"] for model in ("old", "new")] for row in rows], float)
    gap = right[:, 1] - right[:, 0]
    no_worse = stats.ttest_1samp(gap, -0.05, alternative="greater")
    worse = stats.ttest_1samp(gap, -0.05, alternative="less")
    verdict = "migrate" if no_worse.pvalue <= 0.05 else "stay" if worse.pvalue < 0.05 else "inconclusive"

    assert decision.verdict is expected and verdict == expected.value
    assert found.n == 2000
    assert found.mean == pytest.approx(gap.mean())
    assert found.low == pytest.approx(no_worse.confidence_interval(0.95).low, abs=1e-3)
    assert found.high == pytest.approx(worse.confidence_interval(0.95).high, abs=1e-3)
    assert found.p_value == pytest.approx(no_worse.pvalue, abs=5e-3)
    for met, model in ((result.confirmation.source, "old"), (result.confirmation.winner, "new")):
        tokens = np.array([(row[f"{model}_in"], row[f"{model}_out"]) for row in rows])
        dollars = (tokens @ [PRICES[model]["input"], PRICES[model]["output"]] / 1e6).mean()
        assert met.cost == pytest.approx(dollars, rel=1e-9)
        seconds = np.array([row[f"{model}_s"] for row in rows])
        assert met.latency == pytest.approx(seconds.mean())
        assert met.p95_latency == pytest.approx(np.quantile(seconds, 0.95, method="inverted_cdf"))
    assert migration.notes == ()


def test_graded_scores_are_compared_as_a_t_test_compares_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ours, theirs = rng.beta(6, 2, 2000), rng.beta(6, 2, 2000)
    rows = [
        {"case": i, "a": "x", "b": "y", "a_score": a, "b_score": b}
        for i, (a, b) in enumerate(zip(theirs, ours, strict=True))
    ]
    sides = {
        "source": {"model": "a", "output": "a", "score": "a_score"},
        "target": {"model": "b", "output": "b", "score": "b_score"},
    }
    migration = comparison(tmp_path, rows, data={"path": "data.csv", "id": "case"}, metrics=None, **sides)
    found = migration.targets[0].decision.comparison
    check = stats.ttest_1samp(ours - theirs, -0.05, alternative="greater")

    assert found.mean == pytest.approx((ours - theirs).mean())
    assert found.low == pytest.approx(check.confidence_interval(0.95).low, abs=1e-3)
    assert migration.targets[0].decision.verdict is Verdict.MIGRATE


def test_the_three_forms_of_a_record_give_one_result(tmp_path: Path) -> None:
    """One column for each model, one row for each model, one file for each model."""
    rows = table(60, 0.9, 0.7)
    wide = comparison(tmp_path, rows).targets[0]

    def long(model: str) -> list[dict[str, Any]]:
        kept = ("case", "question", "gold")
        own = [{k.removeprefix(f"{model}_"): v for k, v in row.items() if k.startswith(f"{model}_")} for row in rows]
        return [{k: row[k] for k in kept} | {"who": f"test/{model}"} | o for row, o in zip(rows, own, strict=True)]

    shared = {"output": "reply", "latency": "s", "input_tokens": "in", "output_tokens": "out", "cost": "usd"}
    write_csv(tmp_path / "long.csv", [*long("old"), *reversed(long("new"))])
    data = {"path": "long.csv", "id": "case", "expected": "gold", "model": "who"}
    mixed = comparison(tmp_path, rows, data=data, columns=shared, source="test/old", target=None)
    for model in ("old", "new"):
        write_csv(tmp_path / f"{model}.csv", long(model))
    sides = {
        key: {"model": f"test/{name}", "path": f"{name}.csv"} for key, name in (("source", "old"), ("target", "new"))
    }
    apart = comparison(tmp_path, rows, data={"id": "case", "expected": "gold"}, columns=shared, **sides)

    assert mixed.targets[0].model == "test/new"
    assert mixed.targets[0].confirmation == apart.targets[0].confirmation == wide.confirmation
    assert mixed.targets[0].decision == apart.targets[0].decision == wide.decision


# -- what is odd


def test_a_wrong_price_is_noticed_and_named(tmp_path: Path) -> None:
    """Output tokens at the input price: a slip that is easily made, and halves the bill."""
    rows = table(50, 0.9, 0.9)
    for row in rows:
        row["new_usd"] = (row["new_in"] + row["new_out"]) * 0.5 / 1e6
    (note,) = comparison(tmp_path, rows).notes

    recorded = 1000 * np.mean([row["new_usd"] for row in rows])
    reckoned = 1000 * np.mean([row["new_in"] * 0.5e-6 + row["new_out"] * 1.5e-6 for row in rows])
    assert note.startswith("test/new: the recorded cost of ") and " of 50 answers is not tokens times the known" in note
    assert note.endswith("it looks as if output tokens were charged at the input price")
    assert f"${recorded:,.4g}" in note and f"${reckoned:,.4g}" in note


@pytest.mark.parametrize(
    ("charge", "slip"),
    [
        (lambda read, wrote: 0.0, "nothing was charged"),
        (lambda read, wrote: (read * 500 + wrote * 1500) / 1e6, "taken for one per thousand"),
        (lambda read, wrote: (read * 1.5 + wrote * 0.5) / 1e6, "the prices of input and output were exchanged"),
        (lambda read, wrote: read * 0.5 / 1e6, "output tokens were left out"),
        (lambda read, wrote: 3 * (read * 0.5 + wrote * 1.5) / 1e6, "it is 3 times as much"),
    ],
)
def test_what_a_wrong_price_looks_like_is_said(charge: Any, slip: str, tmp_path: Path) -> None:
    rows = table(20, 0.9, 0.9)
    for row in rows:
        row["new_usd"] = charge(row["new_in"], row["new_out"])
    (note,) = comparison(tmp_path, rows).notes
    assert slip in note


def test_a_cost_beside_a_price_of_nothing_is_told(tmp_path: Path) -> None:
    free = {"model": "test/new", "output": "new_reply", "input_tokens": "new_in", "output_tokens": "new_out"}
    target = {**free, "latency": "new_s", "cost": "new_usd", "price": {"input": 0, "output": 0}}
    (note,) = comparison(tmp_path, table(20, 0.9, 0.9), target=target).notes
    assert note.startswith("test/new: the recorded cost of 20 of 20 answers") and note.endswith("which makes them free")


HOURLY = {"per_hour": 12.0, "requests_per_hour": 4000}  # $0.003 a call


def by_the_hour(**more: Any) -> dict[str, Any]:
    """A target that is billed by the hour, whose calls were recorded without tokens or costs."""
    return {"model": "test/new", "output": "new_reply", "latency": "new_s", "provisioned": HOURLY, **more}


def test_what_was_billed_by_the_hour_costs_its_share_without_tokens_on_record(tmp_path: Path) -> None:
    migration = comparison(tmp_path, table(80, 0.9, 0.9), target=by_the_hour(), constraints={"cost_per_1000": 3.5})
    (result,) = migration.targets

    assert result.confirmation.winner.cost == pytest.approx(0.003)
    assert result.confirmation.winner.unmeasured == {"input_tokens", "output_tokens"}
    assert any(
        note.startswith("test/new: every call is reckoned at $0.003, its share of $12 an hour at 4,000 requests an")
        for note in migration.notes
    )
    assert not any("says nothing" in note and "cost" in note for note in migration.notes)


def test_a_recorded_cost_that_is_no_share_of_the_hour_is_compared_and_told(tmp_path: Path) -> None:
    rows = [row | {"new_usd": 0.003 if number < 30 else 0.006} for number, row in enumerate(table(40, 0.9, 0.9))]
    migration = comparison(tmp_path, rows, target=by_the_hour(cost="new_usd"))

    assert migration.targets[0].confirmation.winner.cost == pytest.approx(0.00375)
    assert (
        "test/new: the recorded cost of 10 of 40 answers is not a call's share of the hour: $6.0000 per 1,000 "
        "recorded, $3.0000 reckoned, first c30; the recorded one is compared" in migration.notes
    )
    assert not any("is reckoned at" in note for note in migration.notes)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"price": PRICES["new"]}, "target: give either `provisioned` or `price`, not both"),
        ({"provisioned": {"per_hour": 12.0}}, "target.provisioned.requests_per_hour: is missing"),
    ],
)
def test_prices_by_the_hour_are_refused_as_in_a_task(more: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        comparison(tmp_path, table(12, 0.9, 0.9), target=by_the_hour(**more))


def test_costs_that_are_only_rounded_are_not_called_wrong(tmp_path: Path) -> None:
    rows = table(50, 0.9, 0.9)
    for row in rows:
        row["new_usd"] = round(row["new_usd"], 5)
    assert comparison(tmp_path, rows).notes == ()


def test_replies_that_were_cut_off_are_named_with_the_evidence(tmp_path: Path) -> None:
    whole = "This is a reply of some ten words that ends as it should."
    rows = [{"case": f"c{i}", "a": whole, "b": whole, "why": "end_turn", "tokens": 40 + i} for i in range(12)]
    rows[3] |= {"b": "This is a reply of some ten words that ends in the mid", "tokens": 57}
    rows[4] |= {"why": "max_tokens", "tokens": 58}
    rows[5] |= {"tokens": 256}
    rows[6] |= {"tokens": 256}
    rows[7] |= {"b": "and this one lacks its beginning, but then it goes on well."}
    target = {"model": "b", "output": "b", "finish": "why", "output_tokens": "tokens"}
    plain = {"data": {"path": "data.csv", "id": "case"}, "source": {"model": "a", "output": "a"}}
    notes = [n for n in comparison(tmp_path, rows, target=target, **plain).notes if n.startswith("b: ")]

    assert notes[:4] == [
        "b: 1 of 12 replies were stopped at the token limit, as their stop reason says: c4",
        "b: 2 of 12 replies have 256 tokens, the length of its longest reply, and are probably cut off there: c5, c6",
        "b: 1 of 12 replies end in the middle of a sentence: c3",
        "b: 1 of 12 replies begin in the middle of a word or sentence: c7",
    ]
    told = comparison(tmp_path, rows, target={**target, "max_tokens": 57}, **plain).notes
    assert any("4 of 12 replies have 57 tokens, the limit" in note for note in told)


def test_labels_and_other_short_replies_are_never_called_cut_off(tmp_path: Path) -> None:
    rows = [{"case": i, "a": "billing", "b": "refund" if i % 3 else "billing", "n": 2} for i in range(30)]
    sides = {
        "source": {"model": "a", "output": "a", "output_tokens": "n"},
        "target": {"model": "b", "output": "b", "output_tokens": "n"},
    }
    migration = comparison(tmp_path, rows, data={"path": "data.csv", "id": "case"}, **sides)
    assert not [note for note in migration.notes if "replies" in note]


def test_rows_without_a_partner_are_counted_and_too_many_leave_the_verdict_open(tmp_path: Path) -> None:
    rows = table(100, 0.9, 0.9)
    write_csv(tmp_path / "new.csv", [*rows[:90], {**rows[0], "case": "stranger"}])
    migration = comparison(tmp_path, rows, target=side("new", path="new.csv"))
    (result,) = migration.targets

    assert "test/new: has no row for 10 of 100, first c90" in migration.notes
    assert (
        "test/new: 1 of its rows belong to no row of the source, first stranger; they are left out" in migration.notes
    )
    assert result.decision.comparison.n == 90
    assert result.decision.verdict is Verdict.INCONCLUSIVE and "too many for a verdict" in result.decision.reason


# -- what is refused


def test_what_the_record_lacks_has_no_figure_and_keeps_no_constraint(tmp_path: Path) -> None:
    rows = table(60, 0.9, 0.9)
    bare = {"source": {"model": "a", "output": "old_reply"}, "target": {"model": "b", "output": "new_reply"}}
    migration = comparison(tmp_path, rows, **bare)
    write_comparison(migration, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")

    assert np.isnan(migration.targets[0].confirmation.winner.cost)
    assert "not recorded" in page and "$nan" not in page and "NaN" not in page
    assert RunDir.read(tmp_path / "out").migration() == migration
    with pytest.raises(ConfigError, match=r"constraints\.p95_latency: the record says nothing of the latency of b"):
        comparison(tmp_path, rows, constraints={"p95_latency": 2}, **bare)


def test_a_metric_that_asks_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a comparison asks no model"):
        comparison(tmp_path, table(20, 0.9, 0.9), metrics=[{"name": "judge", "rubric": "good?"}])


def test_one_example_answered_twice_is_refused_with_the_column_that_tells_the_rows_apart(tmp_path: Path) -> None:
    rows = [{**row, "prompt": prompt} for row in table(20, 0.9, 0.9) for prompt in ("raw", "better")]
    with pytest.raises(DataError, match=r"row 2.*'c0' was answered .* row 1.* where: {prompt: raw}"):
        comparison(tmp_path, rows)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"target": side("new", output="new_repl")}, "no column 'new_repl'. Did you mean 'new_reply'"),
        ({"target": side("new", where={"question": "never"})}, "'question' is nowhere 'never' in data.csv"),
        ({"target": side("new", score="gold_score")}, "score: 'test/old' has no column of scores"),
        ({"target": None}, "target: is missing"),
        ({"target": side("new", outptu="x")}, "unknown key. Did you mean 'output'"),
        ({"data": {"path": "data.csv", "model": "question"}, "target": None}, "name the column with the example's id"),
    ],
)
def test_mistakes_are_answered_with_place_and_way_out(sections: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, DataError)) as caught:
        comparison(tmp_path, [{**row, "gold_score": 1} for row in table(7, 1.0, 1.0)], **sections)
    assert message in str(caught.value)


def nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same row as a log has it: what belongs together in one object."""
    sides = {m: {k: row[f"{m}_{k}"] for k in ("reply", "s", "in", "out", "usd")} for m in ("old", "new")}
    return {"about": {"case": row["case"], "truth": row["gold"], "question": row["question"]}, **sides}


def logged(folder: Path, rows: Sequence[Mapping[str, Any]], **sections: Any) -> Migration:
    lines = (json.dumps(nested(row)) for row in rows)
    (folder / "log.jsonl").write_text("\n".join(lines), "utf-8")
    paths = {m: {k: v.replace("_", ".", 1) for k, v in side(m).items() if isinstance(v, str)} for m in ("old", "new")}
    sides = {k: side(m) | paths[m] | {"model": f"test/{m}"} for k, m in (("source", "old"), ("target", "new"))}
    data = {"path": "log.jsonl", "id": "about.case", "expected": "about.truth", "inputs": "about.question"}
    return comparison(folder, rows, **{"data": data, **sides, **sections})


def test_paths_lead_into_the_objects_of_a_log(tmp_path: Path) -> None:
    rows = table(60, 0.9, 0.8)
    flat, deep = comparison(tmp_path, rows), logged(tmp_path, rows)

    assert deep.targets[0].confirmation == flat.targets[0].confirmation
    assert deep.targets[0].confirmation.source.quality == pytest.approx(0.9, abs=0.1)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"target": side("new", output="new.answer")}, "target.output: no row has anything at 'new.answer'"),
        ({"target": side("new", output="new.reply", latency="new.ms")}, "target.latency: no row has anything"),
        ({"data": {"path": "log.jsonl", "id": "about.key"}}, "data: no row has anything at 'about.key'"),
        ({"data": {"path": "log.jsonl", "id": "about.case", "expected": "about.gold"}}, "data.expected: no row has"),
        ({"slices": {"columns": ["about.topic"]}}, "slices.columns: no row has anything at 'about.topic'"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(sections: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        logged(tmp_path, table(20, 0.9, 0.9), **sections)
    assert message in str(caught.value)


def test_the_folder_of_a_run_is_not_overwritten(tmp_path: Path) -> None:
    migration = comparison(tmp_path, table(20, 0.9, 0.9))
    with RunDir.open(tmp_path / "run", fingerprint="another", versions={}):
        pass
    with pytest.raises(RunDirError, match="holds a run of another task"):
        write_comparison(migration, tmp_path / "run")


# -- the command


def test_the_command_needs_no_file_but_the_data(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", table(400, 0.8, 0.85))
    words = ["--source-output", "old_reply", "--target-output", "new_reply", "--expected", "gold"]
    more = ["--metric", "exact_match", "--column", "target.latency=new_s", "--margin", "0.1", "--json"]
    ran = CliRunner().invoke(main, ["compare", str(data), *words, *more, "--require", "migrate"])

    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert (told["verdict"], told["calls"], told["dollars"]) == ("migrate", 0, 0)
    assert told["targets"][0]["cost_per_1000"] is None and told["targets"][0]["latency_p95"] > 0
    decision = json.loads((tmp_path / "data-comparison" / "decision.json").read_text("utf-8"))
    assert decision["targets"][0]["margin"] == 0.1 and decision["targets"][0]["winner"] is None
    assert not (tmp_path / "data-comparison" / "bundle").exists()
    again = CliRunner().invoke(main, ["report", str(tmp_path / "data-comparison")])
    assert again.exit_code == 0, again.output


def test_rows_that_name_their_model_are_compared_from_the_command_line(tmp_path: Path) -> None:
    rows = [
        {"k": i, "llm": llm, "says": "yes" if i % size else "no", "gold": "yes"}
        for llm, size in (("a", 10), ("b", 9), ("c", 2))
        for i in range(200)
    ]
    data = write_csv(tmp_path / "long.csv", rows)
    words = ["--model-column", "llm", "--source", "a", "--id", "k", "--expected", "gold", "--column", "output=says"]
    ran = CliRunner().invoke(main, ["compare", str(data), *words, "--metric", "exact_match", "--json"])
    assert ran.exit_code == 0, ran.output
    assert {t["model"]: t["verdict"] for t in json.loads(ran.stdout)["targets"]}["c"] == "stay"


def test_an_unknown_key_of_a_column_is_answered(tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", table(20, 0.8, 0.85))
    ran = CliRunner().invoke(main, ["compare", str(data), "--column", "target.price=x"])
    assert ran.exit_code == 2 and "'target.price' is no column's key" in ran.output


def test_the_comparison_file_of_the_documentation_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "optimizer" / "report" / "README.md").read_text("utf-8")
    written = page.split("## Outputs recorded elsewhere")[1].split("```yaml\n")[1].split("```")[0]
    amounts = {"seconds": 1.0, "tokens_in": 100, "tokens_out": 20, "usd": 0.00045, "stop_reason": "stop"}
    rows = [
        {"case": i, "gold": "a b", "customer": "x", "llm": llm, "reply": "a b" if i % 7 else "a", **amounts}
        for i in range(80)
        for llm in ("gpt-4o", "haiku")
    ]
    write_csv(tmp_path / "outputs.csv", rows)
    write_csv(tmp_path / "mine.csv", [{**row, "answer": "a"} for row in rows[::2]])
    (tmp_path / "compare.yaml").write_text(written, "utf-8")
    migration = compare(load_recording(tmp_path / "compare.yaml"))
    verdicts = {result.model: result.decision.verdict for result in migration.targets}
    assert verdicts == {"anthropic/claude-haiku-4-5": Verdict.MIGRATE, "my/model": Verdict.STAY}
    assert migration.targets[0].decision.slices == (), "one customer is no part of the whole"


# -- real records


@pytest.fixture
def calls() -> Path:
    if not (folder := os.environ.get("PROMPTPORT_DATA")):
        pytest.skip("PROMPTPORT_DATA names no folder of data")
    return Path(folder) / "aws_call_summarization"


def test_five_recorded_calls_are_too_few_for_any_of_four_models(calls: Path, tmp_path: Path) -> None:
    amounts = ("latency", "input_tokens", "output_tokens")
    columns = {name: f"metric_summary_{name}" for name in amounts} | {"output": "summary"}
    files = {name: str(calls / f"call_summarization_outputs_{name}.csv") for name in ("meta", "mistral", "openai")}
    told = {
        "data": {"path": str(calls / "call_summarization_outputs_anthropic.csv"), "id": "call_id"},
        "columns": columns,
        "source": {"model": "raw", "where": {"prompt_id": "raw"}},
        "targets": [
            {"model": "optimized", "where": {"prompt_id": "optimized"}},
            *({"model": name, "path": path} for name, path in files.items()),
        ],
        "metrics": "rouge_l",
    }
    (tmp_path / "calls.yaml").write_text(yaml.safe_dump(told), "utf-8")
    migration = compare(load_recording(tmp_path / "calls.yaml"))

    for result in migration.targets:
        assert result.decision.verdict is Verdict.INCONCLUSIVE
        assert result.decision.comparison.n == 5
        assert "Fewer than 10 pairs give no verdict." in result.decision.reason
    cut = [note for note in migration.notes if "256 tokens" in note]
    assert [note.split(":")[0] for note in cut] == ["optimized"]
    with Path(calls / "call_summarization_outputs_anthropic.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["prompt_id"] == "optimized"]
    at_limit = [row["call_id"] for row in rows if row["metric_summary_output_tokens"] == "256"]
    assert cut[0].endswith(": " + ", ".join(at_limit))
    seconds = np.mean([float(row["metric_summary_latency"]) for row in rows])
    assert migration.targets[0].confirmation.winner.latency == pytest.approx(seconds)


def test_intervals_and_costs_of_the_recorded_calls_are_held_against_a_few_lines_of_scipy(
    calls: Path, tmp_path: Path
) -> None:
    """On these five the interval is wider than Student's, which promises too much there; means and bills are equal."""
    columns = {"output": "summary", "latency": "metric_summary_latency"}
    columns |= {name: f"metric_summary_{name}" for name in ("input_tokens", "output_tokens")}
    names = {"meta": (0.72, 0.72), "mistral": (2.0, 6.0), "openai": (2.5, 10.0)}
    files = {name: calls / f"call_summarization_outputs_{name}.csv" for name in names}
    told = {
        "data": {"path": str(calls / "call_summarization_outputs_anthropic.csv"), "id": "call_id"},
        "columns": columns,
        "source": {"model": "raw", "where": {"prompt_id": "raw"}, "price": {"input": 3.0, "output": 15.0}},
        "targets": [
            {"model": name, "path": str(files[name]), "price": {"input": prices[0], "output": prices[1]}}
            for name, prices in names.items()
        ],
        "metrics": "rouge_l",
    }
    (tmp_path / "calls.yaml").write_text(yaml.safe_dump(told), "utf-8")
    migration = compare(load_recording(tmp_path / "calls.yaml"))

    for result, (name, prices) in zip(migration.targets, names.items(), strict=True):
        with files[name].open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        amounts = np.array([[float(row[columns[key]]) for key in ("input_tokens", "output_tokens")] for row in rows])
        seconds = np.array([float(row[columns["latency"]]) for row in rows])
        met, found = result.confirmation, result.decision.comparison
        gap = np.array([a.value - b.value for a, b in zip(met.winner.scores, met.source.scores, strict=True)])
        low, high = stats.t.interval(2 * result.decision.confidence - 1, 4, gap.mean(), stats.sem(gap))

        assert result.decision.verdict is Verdict.INCONCLUSIVE and found.n == len(gap) == 5
        assert found.mean == pytest.approx(gap.mean())
        assert found.low <= low and found.high >= high
        assert met.winner.cost == pytest.approx((amounts @ prices / 1e6).mean())
        assert met.winner.latency == pytest.approx(seconds.mean())
        measured = {one.key: one for one in measures(result)}["latency_mean"].migrated
        check = stats.t.interval(2 * result.decision.confidence - 1, 4, seconds.mean(), stats.sem(seconds))
        assert measured.n == 5 and measured.high == pytest.approx(check[1])


def test_a_bill_for_recorded_calls_with_output_at_the_price_of_input_is_noticed(calls: Path, tmp_path: Path) -> None:
    with (calls / "call_summarization_outputs_openai.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    read, wrote = "metric_summary_input_tokens", "metric_summary_output_tokens"
    for row in rows:
        row["usd"] = str((int(row[read]) + int(row[wrote])) * 2.5e-6)
    write_csv(tmp_path / "billed.csv", rows)
    options = {
        "source": {"model": "openai/gpt-4o", "output": "summary"},
        "target": {"model": "openai/gpt-4o", "output": "topic"},
        "columns": {"input_tokens": read, "output_tokens": wrote, "cost": "usd"},
        "data": {"id": "call_id"},
    }
    migration = compare(load_recording(tmp_path / "billed.csv", options))
    assert any(n.endswith("output tokens were charged at the input price") for n in migration.notes), migration.notes
