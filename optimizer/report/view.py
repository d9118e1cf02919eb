"""The figures of a report, reckoned from a run: what the page shows, without a word of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.report.charts import Dot
from optimizer.report.diff import Line, words
from optimizer.results.migration import Migration, TargetResult
from optimizer.search.trial import Trial
from optimizer.types import JSON, Output, Score, as_text

_SHOWN = 25  # examples of each kind on the page
_PLACED = 4  # examples without which a candidate has no place in the picture of cost and quality
_LONG = 4000  # characters of one text on the page
_NAMES = {
    "valid": ("valid replies, at least", "{:.1%}"),
    "p95_latency": ("95th percentile of latency, at most", "{:.2f} s"),
    "cost_per_1000": ("cost per 1,000 calls, at most", "${:,.4f}"),
    "prompt_tokens": ("input tokens, at most", "{:,.0f}"),
    "slice_drop": ("certain loss of quality in any slice, at most", "{:.3f}"),
}


@dataclass(frozen=True)
class Case:
    """One held-out example on which the migrated prompt does worse than the source; what differs is marked."""

    id: str
    inputs: Sequence[tuple[str, str]]
    expected: str
    source: Line
    migrated: Line
    why: str
    lost: float


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
        *words(_plain(source.text), _plain(target.text)),
        target.error or score.feedback,
        lost,
    )


def _plain(value: JSON) -> str:
    return cut(as_text(value), _LONG)


def cut(text: str, most: int) -> str:
    """The first `most` characters; a text that is longer says how long it is."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,} characters)"
