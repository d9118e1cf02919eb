"""The figures of a report, reckoned from a run: what the page shows, without a word of HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from optimizer.corners import Corners
from optimizer.migration import Migration, TargetResult
from optimizer.objective import Evaluation
from optimizer.report.charts import Dot, signed
from optimizer.trial import Trial
from optimizer.types import JSON, Output, Score

_SHOWN = 25  # examples of each kind on the page
_PLACED = 4  # examples without which a candidate has no place in the picture of cost and quality
_SAME = 0.0005  # differences that the shown digits do not show
_LONG = 4000  # characters of one text on the page
_HEADLINES = ("Quality (mean score)", "Valid replies", "Cost per 1,000 calls", "Latency, 95th percentile")
_NAMES = {
    "valid": ("valid replies, at least", "{:.1%}"),
    "p95_latency": ("95th percentile of latency, at most", "{:.2f} s"),
    "cost_per_1000": ("cost per 1,000 calls, at most", "${:,.4f}"),
    "prompt_tokens": ("input tokens, at most", "{:,.0f}"),
    "slice_drop": ("certain loss of quality in any slice, at most", "{:.3f}"),
}


@dataclass(frozen=True)
class Row:
    """One line of the side-by-side table; `change` compares the migrated prompt with the source. What was not
    measured says so; `unchanged` is empty where nothing was searched."""

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


def tiles(rows: Sequence[Row]) -> list[Row]:
    """The rows of the table that a reader in a hurry looks for."""
    return [row for row in rows if row.name in _HEADLINES]


def table(result: TargetResult) -> list[Row]:
    """Tokens are neither better nor worse: what they cost and how long they take is."""
    met = result.confirmation

    def row(name: str, of: Callable[[Evaluation], float], show: Callable[[float], str], *, up: bool | None) -> Row:
        def told(value: float) -> str:
            return "not recorded" if math.isnan(value) else show(value)

        source, migrated = of(met.source), of(met.winner)
        before, after = told(source), told(migrated)
        alike = up is None or before == after or math.isnan(source + migrated)
        better = None if alike else (migrated > source) == up
        unchanged = told(of(met.unchanged)) if met.unchanged else ""
        return Row(name, before, unchanged, after, _change(source, migrated, points=up is True), better)

    return [
        row("Quality (mean score)", lambda e: e.quality, lambda v: f"{v:.3f}", up=True),
        row("Valid replies", lambda e: e.valid, lambda v: f"{v:.1%}", up=True),
        row("Cost per 1,000 calls", lambda e: 1000 * e.cost, _dollars, up=False),
        row("Latency, mean", lambda e: e.latency, _seconds, up=False),
        row("Latency, median", lambda e: e.median_latency, _seconds, up=False),
        row("Latency, 95th percentile", lambda e: e.p95_latency, _seconds, up=False),
        row("Input tokens", lambda e: e.input_tokens, lambda v: f"{v:,.0f}", up=None),
        row("Output tokens", lambda e: e.output_tokens, lambda v: f"{v:,.0f}", up=None),
    ]


def standings(found: Corners) -> list[tuple[str, str, str, str, str, str, str]]:
    """(model, verdict, quality, cost, latency, objective, what it is picked for)."""
    picks = {"recommended": found.recommended, "best quality": found.best}
    picks |= {"cheapest": found.cheapest, "fastest": found.fastest}
    return [
        (
            row.model,
            row.verdict.value,
            f"{row.quality:.3f}",
            told(1000 * row.cost, "${:,.4f}"),
            told(row.latency, "{:.2f} s"),
            told(row.objective, "{:.3f}"),
            ", ".join(name for name, model in picks.items() if model == row.model),
        )
        for row in found.standings
    ]


def told(value: float, form: str) -> str:
    return "not recorded" if math.isnan(value) else form.format(value)


def parts(result: TargetResult) -> list[tuple[str, list[tuple[str, float]]]]:
    """Mean sub-scores (fields of a JSON reply, single metrics) for source, unchanged and migrated."""
    met = result.confirmation
    names = list(dict.fromkeys(name for score in met.source.scores for name in score.parts))
    sides = (("source", met.source), ("unchanged", met.unchanged), ("migrated", met.winner))
    return [(name, [(kind, _part(side.scores, name)) for kind, side in sides if side]) for name in names]


def checks(result: TargetResult) -> list[tuple[str, str, str, bool]]:
    """The constraints: what is asked, what was measured, the limit, and whether it is kept."""
    found = []
    for check in result.decision.checks:
        name, form = _NAMES[check.name]
        found.append((name, form.format(check.value), form.format(check.limit), check.met))
    return found


def dots(trials: Sequence[Trial], best: int) -> list[Dot]:
    """The objective of each trial."""
    return [
        _dot(trial, best, trial.number, trial.value, f"objective {trial.value:.3f}, {trial.program}")
        for trial in trials
        if trial.value is not None
    ]


def spread(trials: Sequence[Trial], best: int) -> list[Dot]:
    """Cost against quality, for candidates that have seen enough to be placed."""
    found = []
    for trial in trials:
        if trial.quality is not None and trial.cost is not None and trial.examples >= _PLACED:
            words = f"quality {trial.quality:.3f}, ${1000 * trial.cost:.4f} per 1,000 calls"
            found.append(_dot(trial, best, 1000 * trial.cost, trial.quality, words))
    return found


def _dot(trial: Trial, best: int, x: float, y: float, words: str) -> Dot:
    return Dot(
        x,
        y,
        3 + min(6.0, trial.examples / 12),
        f"{'won' if trial.number == best else trial.state} {'plain' if trial.program == 'plain' else 'compiled'}",
        f"trial {trial.number}, {trial.examples} examples: {words}",
        "winner" if trial.number == best else "unchanged" if trial.number == 0 else "",
    )


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The candidates that no other beats in both cost and quality, the cheapest first; among those that have a place in
    the picture. Their figures are those on the examples that each has seen."""
    placed = [t for t in trials if t.quality is not None and t.cost is not None and t.examples >= _PLACED]
    found: list[Trial] = []
    for trial in sorted(placed, key=lambda t: (t.cost or 0.0, -(t.quality or 0.0), t.number)):
        if not found or (trial.quality or 0.0) > (found[-1].quality or 0.0):
            found.append(trial)
    return found


def best_so_far(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for trial in trials:
        if trial.value is not None:
            steps.append((trial.number, max(trial.value, steps[-1][1] if steps else trial.value)))
    return steps


@dataclass(frozen=True)
class Moves:
    """How many held-out examples score lower, higher and alike with the migrated prompt; `cases`: the worst."""

    lower: int
    higher: int
    alike: int
    cases: Sequence[Case]


def moves(migration: Migration, result: TargetResult) -> Moves:
    met = result.confirmation
    rows = zip(met.source.outputs, met.source.scores, met.winner.outputs, met.winner.scores, strict=True)
    lost = [(a.value - b.value, source, target, b) for source, a, target, b in rows]
    down = sorted((row for row in lost if row[0] > 1e-9), key=lambda row: (-row[0], row[1].example_id))
    up = sum(row[0] < -1e-9 for row in lost)
    return Moves(len(down), up, len(lost) - len(down) - up, [_case(migration, *row) for row in down[:_SHOWN]])


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
        return "same" if abs(migrated - source) < _SAME else f"{signed(100 * (migrated - source), '.1f')} points"
    if not source or math.isnan(source + migrated):
        return "–"
    return "same" if abs(migrated / source - 1) < 10 * _SAME else signed(migrated / source - 1, ".0%")


def _dollars(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _plain(value: JSON | Mapping[str, JSON]) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]} … ({len(text):,} characters)"
