"""Where the application's seconds, tokens and dollars go: stage by stage, and in all with and without frozen stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from optimizer.data.stages import Stage
from optimizer.objective import Evaluation
from optimizer.report.figures import intervals
from optimizer.report.figures.intervals import Measured
from optimizer.report.figures.measures import Unit
from optimizer.results.migration import Migration, TargetResult
from optimizer.types import AMOUNTS, Output
from optimizer.verdict.matched import Confirmation

UNITS: Mapping[str, Unit] = {
    "latency": "seconds",
    "input_tokens": "tokens",
    "output_tokens": "tokens",
    "cost": "dollars",
}
_Took = Callable[[str, str], float | None]  # example id, amount -> what it took; None: not recorded


@dataclass(frozen=True)
class StageRow:
    """`sides`: by amount, what it took with the source and with the target (dollars: of 1,000 calls)."""

    name: str
    kind: str
    sides: Mapping[str, tuple[Measured, Measured]]


def breakdown(migration: Migration, result: TargetResult) -> list[StageRow]:
    """Nothing where the application is one prompt alone. A total adds up what was recorded."""
    met, level = result.confirmation, result.decision.confidence
    parts = _parts(met)
    if not (migration.stages or parts):
        return []
    ids = [
        source.example_id
        for source, winner in zip(met.source.outputs, met.winner.outputs, strict=True)
        if "failed" not in (source.status, winner.status)
    ]
    stages = [
        (
            stage.name,
            "frozen" if stage.frozen else "its own",
            _of(stage, migration.source, source=True),
            _of(stage, result.model),
        )
        for stage in migration.stages
    ]
    prompt = "prompt" if migration.prompt else "what is compared"
    own = (prompt, "migrated" if migration.prompt else "compared", _answers(met.source), _answers(met.winner))
    add = partial(_row, ids, level)
    rows = [add(name, kind, ([source], [target])) for name, kind, source, target in (*stages, *(parts or [own]))]
    totals = [("All stages", [*stages, own])]
    if stages:
        totals.append(("Without the frozen ones", [one for one in (*stages, own) if one[1] != "frozen"]))
    for name, chosen in totals:
        rows.append(add(name, "total", ([one[2] for one in chosen], [one[3] for one in chosen])))
    return rows


def _parts(met: Confirmation) -> list[tuple[str, str, _Took, _Took]]:
    """The prompts of a program of several, and what was asked for none of them; nothing for a plain prompt."""
    outputs = (*met.source.outputs, *met.winner.outputs)
    names = list(dict.fromkeys(name for output in outputs for name in output.parts))
    if len(names) < 2:
        return []
    found = [(name, "migrated", _part(met.source, name), _part(met.winner, name)) for name in names]
    if any(output.parts and _rest(output, "calls") for output in outputs):
        found.append(("(other calls)", "migrated", _others(met.source), _others(met.winner)))
    return found


def _part(side: Evaluation, name: str) -> _Took:
    """A prompt that an example did not need took nothing of it."""
    known = {output.example_id: output.parts for output in side.outputs}
    return lambda identity, amount: known[identity].get(name, {}).get(amount, 0.0) if known[identity] else None


def _others(side: Evaluation) -> _Took:
    known = {output.example_id: output for output in side.outputs}
    return lambda identity, amount: _rest(known[identity], amount) if known[identity].parts else None


def _rest(output: Output, amount: str) -> float:
    return float(getattr(output, amount)) - math.fsum(took[amount] for took in output.parts.values())


def _row(
    ids: Sequence[str], level: float, name: str, kind: str, sides: tuple[Sequence[_Took], Sequence[_Took]]
) -> StageRow:
    source, target = sides
    return StageRow(name, kind, {a: (_sum(ids, source, a, level), _sum(ids, target, a, level)) for a in AMOUNTS})


def _sum(ids: Sequence[str], parts: Sequence[_Took], amount: str, level: float) -> Measured:
    """The mean over the examples for which every part that records this amount has it."""
    recorded = [took for took in parts if any(took(identity, amount) is not None for identity in ids)]
    values = []
    for identity in ids:
        found = [took(identity, amount) for took in recorded]
        if found and None not in found:
            values.append((1000 if amount == "cost" else 1) * math.fsum(v for v in found if v is not None))
    return intervals.mean(values, level)


def _of(stage: Stage, model: str, *, source: bool = False) -> _Took:
    amounts = stage.of(model, source=source)
    return lambda identity, amount: amounts.get(identity, {}).get(amount)


def _answers(side: Evaluation) -> _Took:
    known = {output.example_id: output for output in side.outputs}
    return lambda identity, amount: None if amount in side.unmeasured else float(getattr(known[identity], amount))
