"""The values of a run as lines of JSON, and back. Knows no file but those whose lines it is handed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from optimizer.config.yamlfile import write_yaml
from optimizer.prompt import Prompt
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.recommendation import recommend
from optimizer.search.trial import SearchResult
from optimizer.types import Output
from optimizer.verdict.confirm import Verdict
from optimizer.verdict.matched import Confirmation

_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
SIDES = ("source", "again", "unchanged", "winner")


def plain(value: Any) -> Any:
    """Dataclasses, enums and tuples as JSON."""
    if isinstance(value, Prompt):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        facts = {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
        if isinstance(value, Output) and not value.parts:  # as with every plain prompt
            del facts["parts"]
        return facts
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
        "earlier": plain(migration.earlier),
        "expected": plain(migration.expected),
        "at_least": plain(migration.at_least),
        "at_most": plain(migration.at_most),
        "versions": dict(migration.versions),
        "prices": migration.prices,
        "simulated": migration.simulated,
        "notes": list(migration.notes),
        **({"left_out": dict(migration.left_out)} if migration.left_out else {}),
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
        "recommendation": recommendation(migration),
        "targets": [
            {
                "model": result.model,
                **plain(result.decision),
                "declined": {name: side.refused for name in SIDES if (side := getattr(result.confirmation, name))},
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
    sides = {side: getattr(confirmation, side) for side in SIDES}
    return {side: sorted(e.unmeasured) for side, e in sides.items() if e and e.unmeasured}


def recommendation(migration: Migration) -> dict[str, Any]:
    """Which target to take, and which is the best, cheapest or fastest; what was not measured is null."""
    found = recommend(migration)
    rows = [
        {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in plain(row).items()}
        for row in found.targets
    ]
    picks = {name: getattr(found, name) for name in ("recommended", "best", "cheapest", "fastest")}
    return {**picks, "reason": found.reason, "targets": rows}


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
        sides = {side: e for side in SIDES if (e := getattr(result.confirmation, side))}
        for at, output in enumerate(result.confirmation.source.outputs):
            answers = {
                side: {"output": plain(e.outputs[at]), "score": plain(e.scores[at])} for side, e in sides.items()
            }
            more = {
                side: [{"output": plain(e.outputs[at]), "score": plain(e.scores[at])} for e in draws]
                for side, draws in result.confirmation.draws.items()
            }
            yield {
                "target": result.model,
                "example_id": output.example_id,
                **answers,
                **({"draws": more} if more else {}),
            }
