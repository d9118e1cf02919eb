"""A run's files as the one value that they were written from; see `records` for the way there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizer.config.yamlfile import read_yaml
from optimizer.data.stages import Stage
from optimizer.metrics.judges.scrutiny import Agreement, JudgeNoise, Scrutiny
from optimizer.metrics.whole import Figure
from optimizer.objective import Check, Evaluation
from optimizer.prompt.suite import Suite
from optimizer.results.migration import Migration, Spend, TargetResult
from optimizer.results.records import SIDES
from optimizer.search.trial import SearchResult, Trial
from optimizer.types import Example, Output, Score
from optimizer.verdict.confirm import Decision, Family, Verdict
from optimizer.verdict.matched import Confirmation
from optimizer.verdict.slices import SliceResult
from optimizer.verdict.statistics import Comparison, Noise


def read_migration(path: Path, manifest: Mapping[str, Any]) -> Migration:
    """From the run directory `path`; files that earlier versions did not write count as empty.

    What a damaged file raises is translated by `rundir`.
    """
    run, written = manifest["run"], manifest["files"]
    examples = [Example(**row) for row in _lines(path / "examples.jsonl")]
    return Migration(
        name=run["name"],
        source=run["source"],
        prompt=run["prompt"] and Suite.from_dict(run["prompt"]),
        examples={example.id: example for example in examples},
        split={part: tuple(ids) for part, ids in _json(path / "split.json").items()},
        baseline=tuple(Output(**row) for row in _lines(path / "baseline.jsonl")),
        targets=tuple(_targets(path, manifest)),
        settings=read_yaml(path / "task.yaml").data,
        spend={role: Spend(**spent) for role, spent in run["spend"].items()},
        earlier=Spend(**run["earlier"]) if run.get("earlier") else None,
        expected={role: Spend(**share) for role, share in run.get("expected", {}).items()},
        at_least=Spend(**run["at_least"]) if run.get("at_least") else None,
        at_most=Spend(**run["at_most"]) if run.get("at_most") else None,
        versions=run["versions"],
        prices=run["prices"],
        simulated=run["simulated"],
        notes=tuple(run.get("notes", ())),
        columns=_json(path / "columns.json") if "columns.json" in written else {},
        left_out=run.get("left_out", {}),
        stages=tuple(Stage(**row) for row in _json(path / "stages.json")) if "stages.json" in written else (),
    )


def read_decisions(path: Path, _manifest: Mapping[str, Any]) -> Mapping[str, Decision]:
    """By target, in the task file's order; raises as `read_migration`."""
    return {row["model"]: _decision(row) for row in _json(path / "decision.json")["targets"]}


def _targets(path: Path, manifest: Mapping[str, Any]) -> Iterator[TargetResult]:
    run, decided = manifest["run"], _json(path / "decision.json")["targets"]
    trials, confirmed = _lines(path / "trials.jsonl"), _lines(path / "confirmation.jsonl")
    answered = _lines(path / "answers.jsonl") if "answers.jsonl" in manifest["files"] else []
    unmeasured = run.get("unmeasured", [{} for _ in decided])
    for row, found, lacking in zip(decided, run["searches"], unmeasured, strict=True):
        own = [[line for line in lines if line["target"] == row["model"]] for lines in (trials, answered, confirmed)]
        yield TargetResult(row["model"], _search(own[0], own[1], found), _confirmation(own[2], lacking), _decision(row))


def _search(
    rows: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]], found: Mapping[str, Any]
) -> SearchResult:
    known = [{key: value for key, value in row.items() if key != "target"} for row in rows]
    prompts = [Suite.from_dict(row.pop("prompt")) for row in known]
    trials = tuple(Trial(**row, prompt=prompt) for row, prompt in zip(known, prompts, strict=True))
    return SearchResult(
        trials, found["best"], found["stopped_by"], found["instructions"], tuple(found["notes"]), _answers(answered)
    )


def _answers(rows: Sequence[Mapping[str, Any]]) -> dict[int, Evaluation]:
    found: dict[int, list[tuple[Output, Score]]] = {}
    for row in rows:
        found.setdefault(row["trial"], []).append((Output(**row["output"]), Score(**row["score"])))
    return {n: Evaluation(tuple(o for o, _ in pairs), tuple(s for _, s in pairs)) for n, pairs in found.items()}


def _confirmation(rows: Sequence[Mapping[str, Any]], unmeasured: Mapping[str, Sequence[str]]) -> Confirmation:
    def side(name: str) -> Evaluation | None:
        if name not in rows[0]:
            return None
        outputs = tuple(Output(**row[name]["output"]) for row in rows)
        marks = tuple(Score(**row[name]["score"]) for row in rows)
        return Evaluation(outputs, marks, frozenset(unmeasured.get(name, ())))

    def drawn(name: str) -> tuple[Evaluation, ...]:
        told = [row["draws"][name] for row in rows]
        lacking = frozenset(unmeasured.get(name, ()))
        return tuple(
            Evaluation(tuple(Output(**d["output"]) for d in draw), tuple(Score(**d["score"]) for d in draw), lacking)
            for draw in zip(*told, strict=True)
        )

    draws = {name: drawn(name) for name in rows[0].get("draws", ())}
    return Confirmation(**{name: side(name) for name in SIDES}, draws=draws)  # type: ignore[arg-type]


def _decision(row: Mapping[str, Any]) -> Decision:
    return Decision(
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        comparison=Comparison(**row["comparison"]),
        margin=row["margin"],
        confidence=row["confidence"],
        checks=tuple(Check(**check) for check in row["checks"]),
        needed=row["needed"],
        noise=row.get("noise") and Noise(**row["noise"]),
        family=row.get("family") and Family(**row["family"]),
        slices=tuple(SliceResult(**found | {"worst": tuple(found["worst"])}) for found in row.get("slices", ())),
        judges=tuple(_scrutiny(found) for found in row.get("judges", ())),
        figures=tuple(Figure(**found) for found in row.get("figures", ())),
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _scrutiny(found: Mapping[str, Any]) -> Scrutiny:
    noise, human = found["noise"], found["human"]
    return Scrutiny(**{**found, "noise": noise and JudgeNoise(**noise), "human": human and Agreement(**human)})
