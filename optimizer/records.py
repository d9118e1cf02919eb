"""The values of a run as lines of JSON, and back. Knows no file but those whose lines it is handed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from optimizer.config.yamlfile import read_yaml, write_yaml
from optimizer.confirm import Comparison, Confirmation, Decision, Verdict
from optimizer.metrics.scrutiny import Agreement, Noise, Scrutiny
from optimizer.metrics.whole import Figure
from optimizer.migration import Migration, Spend, TargetResult
from optimizer.objective import Check, Evaluation
from optimizer.prompt import Prompt
from optimizer.slices import SliceResult
from optimizer.trial import SearchResult, Trial
from optimizer.types import Example, Output, Score

_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
_SIDES = ("source", "again", "unchanged", "winner")


def plain(value: Any) -> Any:
    """Dataclasses, enums and tuples as JSON."""
    if isinstance(value, Prompt):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def as_json(value: Any, *, sort: bool = True) -> str:
    return _text(value, indent=2, sort=sort)


def as_lines(rows: Iterable[Any]) -> str:
    return "".join(_text(row) for row in rows)


def _text(value: Any, indent: int | None = None, *, sort: bool = False) -> str:
    """Readable in every language; a text that UTF-8 cannot hold (half a surrogate pair) is escaped, not lost.

    A prompt must not be sorted: it may show a JSON schema, or an input that is an object, in the order of its keys.
    """
    found = plain(value)
    text = json.dumps(found, ensure_ascii=False, indent=indent, sort_keys=sort)
    return (json.dumps(found, indent=indent, sort_keys=sort) if _HALF.search(text) else text) + "\n"


def task_yaml(settings: Mapping[str, Any]) -> str:
    return write_yaml(plain(settings))


def facts(migration: Migration) -> dict[str, Any]:
    """What the manifest says of a finished run beyond what has a file of its own."""
    return {
        "name": migration.name,
        "source": migration.source,
        "targets": [result.model for result in migration.targets],
        "prompt": plain(migration.prompt),
        "spend": plain(migration.spend),
        "versions": dict(migration.versions),
        "prices": migration.prices,
        "simulated": migration.simulated,
        "notes": list(migration.notes),
        "columns": plain(migration.columns),
        "unmeasured": [_unmeasured(result.confirmation) for result in migration.targets],
        "searches": [
            {
                "best": result.search.best,
                "stopped_by": result.search.stopped_by,
                "instructions": dict(result.search.instructions),
                "notes": list(result.search.notes),
            }
            for result in migration.targets
        ],
    }


def decision(migration: Migration) -> dict[str, Any]:
    """The verdict on each target with its evidence; equal for equal answers, so nothing in it is a time of day."""
    return {
        "name": migration.name,
        "source": migration.source,
        "verdict": best_verdict(migration.targets).value,
        "targets": [
            {
                "model": result.model,
                **plain(result.decision),
                "winner": _winner(result.search),
            }
            for result in migration.targets
        ],
    }


def _winner(found: SearchResult) -> dict[str, Any] | None:
    """None where nothing was searched."""
    if not found.trials:
        return None
    winner = found.winner
    return {
        "trial": winner.number,
        "params": plain(winner.params),
        "program": winner.program,
        "prompt": winner.prompt.digest,
    }


def _unmeasured(confirmation: Confirmation) -> dict[str, list[str]]:
    sides = {side: getattr(confirmation, side) for side in _SIDES}
    return {side: sorted(e.unmeasured) for side, e in sides.items() if e and e.unmeasured}


def best_verdict(targets: Sequence[TargetResult]) -> Verdict:
    """A team can migrate if it can migrate to one of the targets."""
    found = {result.decision.verdict for result in targets}
    return next(v for v in (Verdict.MIGRATE, Verdict.INCONCLUSIVE, Verdict.STAY) if v in found)


def trials(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        yield from ({"target": result.model, **plain(trial)} for trial in result.search.trials)


def answers(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        for number, evaluation in result.search.answers.items():
            for output, mark in zip(evaluation.outputs, evaluation.scores, strict=True):
                yield {"target": result.model, "trial": number, "output": plain(output), "score": plain(mark)}


def confirmations(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        sides = {side: e for side in _SIDES if (e := getattr(result.confirmation, side))}
        for at, output in enumerate(result.confirmation.source.outputs):
            answers = {
                side: {"output": plain(e.outputs[at]), "score": plain(e.scores[at])} for side, e in sides.items()
            }
            yield {"target": result.model, "example_id": output.example_id, **answers}


def read_migration(path: Path, manifest: Mapping[str, Any]) -> Migration:
    run = manifest["run"]
    decided = json.loads((path / "decision.json").read_text("utf-8"))["targets"]
    trials = _lines(path / "trials.jsonl")
    confirmed = _lines(path / "confirmation.jsonl")
    answered = _lines(path / "answers.jsonl") if (path / "answers.jsonl").exists() else []
    examples = [Example(**row) for row in _lines(path / "examples.jsonl")]
    unmeasured = run.get("unmeasured", [{} for _ in decided])
    return Migration(
        name=run["name"],
        source=run["source"],
        prompt=run["prompt"] and Prompt.from_dict(run["prompt"]),
        examples={example.id: example for example in examples},
        split={part: tuple(ids) for part, ids in json.loads((path / "split.json").read_text("utf-8")).items()},
        baseline=tuple(Output(**row) for row in _lines(path / "baseline.jsonl")),
        targets=tuple(
            TargetResult(
                row["model"],
                _search(
                    [t for t in trials if t["target"] == row["model"]],
                    [a for a in answered if a["target"] == row["model"]],
                    found,
                ),
                _confirmation([c for c in confirmed if c["target"] == row["model"]], lacking),
                _decision(row),
            )
            for row, found, lacking in zip(decided, run["searches"], unmeasured, strict=True)
        ),
        settings=read_yaml(path / "task.yaml").data,
        spend={role: Spend(**spent) for role, spent in run["spend"].items()},
        versions=run["versions"],
        prices=run["prices"],
        simulated=run["simulated"],
        notes=tuple(run.get("notes", ())),
        columns=run.get("columns", {}),
    )


def _search(
    rows: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]], found: Mapping[str, Any]
) -> SearchResult:
    known = [{key: value for key, value in row.items() if key != "target"} for row in rows]
    prompts = [Prompt.from_dict(row.pop("prompt")) for row in known]
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

    return Confirmation(**{name: side(name) for name in _SIDES})  # type: ignore[arg-type]


def _decision(row: Mapping[str, Any]) -> Decision:
    return Decision(
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        comparison=Comparison(**row["comparison"]),
        margin=row["margin"],
        confidence=row["confidence"],
        checks=tuple(Check(**check) for check in row["checks"]),
        needed=row["needed"],
        slices=tuple(SliceResult(**found | {"worst": tuple(found["worst"])}) for found in row.get("slices", ())),
        judges=tuple(_scrutiny(found) for found in row.get("judges", ())),
        figures=tuple(Figure(**found) for found in row.get("figures", ())),
    )


def _scrutiny(found: Mapping[str, Any]) -> Scrutiny:
    noise, human = found["noise"], found["human"]
    return Scrutiny(**{**found, "noise": noise and Noise(**noise), "human": human and Agreement(**human)})


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
