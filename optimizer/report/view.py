"""The figures of a report, reckoned from a run: what the page shows, without a word of HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from optimizer.migration import Migration, TargetResult
from optimizer.objective import Evaluation
from optimizer.report.charts import Dot
from optimizer.trial import Trial
from optimizer.types import JSON, Output, Score

_SHOWN = 25  # examples of each kind on the page
_LONG = 4000  # characters of one text on the page


@dataclass(frozen=True)
class Row:
    """One line of the side-by-side table; `change` compares the migrated prompt with the source."""

    name: str
    source: str
    unchanged: str
    migrated: str
    change: str
    better: bool | None


@dataclass(frozen=True)
class Case:
    """One held-out example on which the migrated prompt does worse than the source."""

    id: str
    inputs: Sequence[tuple[str, str]]
    expected: str
    source: str
    migrated: str
    why: str
    lost: float


def table(result: TargetResult) -> list[Row]:
    met = result.confirmation
    sides = (met.source, met.unchanged, met.winner)

    def row(name: str, of: Callable[[Evaluation], float], show: Callable[[float], str], *, up: bool) -> Row:
        values = [of(side) for side in sides]
        source, migrated = values[0], values[2]
        better = None if abs(migrated - source) < 1e-9 else (migrated > source) == up
        shown = [show(value) for value in values]
        return Row(name, shown[0], shown[1], shown[2], _change(source, migrated, points=up), better)

    return [
        row("Quality (mean score)", lambda e: e.quality, lambda v: f"{v:.3f}", up=True),
        row("Valid replies", lambda e: e.valid, lambda v: f"{v:.1%}", up=True),
        row("Cost per 1,000 calls", lambda e: 1000 * e.cost, lambda v: f"${v:.4f}", up=False),
        row("Latency, mean", lambda e: e.latency, _seconds, up=False),
        row("Latency, median", lambda e: e.median_latency, _seconds, up=False),
        row("Latency, 95th percentile", lambda e: e.p95_latency, _seconds, up=False),
        row("Input tokens", lambda e: e.input_tokens, lambda v: f"{v:,.0f}", up=False),
        row("Output tokens", lambda e: e.output_tokens, lambda v: f"{v:,.0f}", up=False),
    ]


def parts(result: TargetResult) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mean sub-scores (fields of a JSON reply, single metrics) for source, unchanged and migrated."""
    met = result.confirmation
    names = list(dict.fromkeys(name for score in met.source.scores for name in score.parts))
    sides = (("source", met.source), ("unchanged", met.unchanged), ("migrated", met.winner))
    return [(name, [(kind, _part(side.scores, name)) for kind, side in sides]) for name in names]


def dots(trials: Sequence[Trial], best: int) -> list[Dot]:
    return [
        Dot(
            trial.number,
            trial.value,
            3 + min(6.0, trial.examples / 12),
            f"{'won' if trial.number == best else trial.state} {'plain' if trial.program == 'plain' else 'compiled'}",
            f"trial {trial.number}: objective {trial.value:.3f} after {trial.examples} examples, {trial.program}",
        )
        for trial in trials
        if trial.value is not None
    ]


def spread(trials: Sequence[Trial], best: int) -> list[Dot]:
    """Cost against quality, for candidates that have seen enough to be placed."""
    return [
        Dot(
            1000 * (trial.cost or 0.0),
            trial.quality or 0.0,
            3 + min(6.0, trial.examples / 12),
            f"{'won' if trial.number == best else trial.state} {'plain' if trial.program == 'plain' else 'compiled'}",
            f"trial {trial.number}: quality {trial.quality:.3f} on {trial.examples} examples, "
            f"${1000 * (trial.cost or 0.0):.4f} per 1,000 calls",
        )
        for trial in trials
        if trial.quality is not None and trial.examples >= 4
    ]


def best_so_far(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for trial in trials:
        if trial.value is not None:
            steps.append((trial.number, max(trial.value, steps[-1][1] if steps else trial.value)))
    return steps


def worse(migration: Migration, result: TargetResult) -> tuple[int, list[Case]]:
    """How many held-out examples got worse, and the worst of them."""
    met = result.confirmation
    rows = zip(met.source.outputs, met.source.scores, met.winner.outputs, met.winner.scores, strict=True)
    lost = [(a.value - b.value, source, target, b) for source, a, target, b in rows if b.value < a.value - 1e-9]
    lost.sort(key=lambda row: (-row[0], row[1].example_id))
    return len(lost), [_case(migration, *row) for row in lost[:_SHOWN]]


def changed(unchanged: Trial, winner: Trial) -> list[tuple[str, str]]:
    """The choices in which the winner differs from the unchanged prompt."""
    return [(k, _plain(v)) for k, v in winner.params.items() if v != unchanged.params.get(k)]


def _case(migration: Migration, lost: float, source: Output, target: Output, score: Score) -> Case:
    example = migration.examples[source.example_id]
    return Case(
        example.id,
        [(name, _plain(value)) for name, value in example.inputs.items()],
        "" if example.expected is None else _plain(example.expected),
        _plain(source.text),
        _plain(target.text),
        target.error or score.feedback,
        lost,
    )


def _part(scores: Sequence[Score], name: str) -> float:
    """A reply that could not be read has no parts: it scores nothing on each of them."""
    return fmean(score.parts.get(name, 0.0) for score in scores)


def _change(source: float, migrated: float, *, points: bool) -> str:
    if points:
        return f"{100 * (migrated - source):+.1f} points"
    if not source:
        return "–"
    return f"{migrated / source - 1:+.0%}" if migrated != source else "same"


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _plain(value: JSON | Mapping[str, JSON]) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]} … ({len(text):,} characters)"
