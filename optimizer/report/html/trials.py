"""What the search tried: its pictures, and the prompt that came of it beside the one there was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.prompt import Prompt
from optimizer.report.figures.facts import TargetFacts
from optimizer.report.figures.texts import compare, readable, spoken
from optimizer.report.html.charts import Dot, scatter
from optimizer.report.tables.table import cell
from optimizer.search.trial import Trial

_PLACED = 4  # examples without which a candidate has no place in the picture of cost and quality


def sought(before: Prompt, one: TargetFacts) -> dict[str, Any]:
    """What was tried, and the prompt that came of it; none of it where outputs were recorded elsewhere."""
    found, winner = one.result.search, one.result.search.winner
    placed = spread(found.trials, found.best)
    best = front(found.trials)
    quality = next(measure for measure in one.measures if measure.key == "quality")
    return {
        "search": scatter(
            _dots(found.trials, found.best),
            x_title="trial",
            y_title="expected objective",
            words=f"{len(found.trials)} trials; trial {found.best} won at {winner.value:.3f}.",
            steps=_best_so_far(found.trials),
        ),
        "spread": placed
        and scatter(
            placed,
            x_title="dollars per 1,000 calls",
            y_title="quality on validation",
            words=f"Quality against cost of {len(placed)} candidates; on the Pareto front: "
            f"{', '.join(f'trial {trial.number}' for trial in best)}.",
            steps=[(1000 * (trial.cost or 0.0), trial.quality or 0.0) for trial in best],
            rules=[(one.result.confirmation.source.quality, "source")],
        ),
        "front": [trial.number for trial in best],
        "programs": sorted({trial.program for trial in found.trials}),
        "changed": _changed(found.trials[0], winner),
        "optimistic": winner.quality is not None and f"{winner.quality:.3f}",
        "held_out": cell(quality.migrated, "score"),
        "diff": compare(spoken(before), spoken(winner.prompt)),
    }


def _dots(trials: Sequence[Trial], best: int) -> list[Dot]:
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


def _best_so_far(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for trial in trials:
        if trial.value is not None:
            steps.append((trial.number, max(trial.value, steps[-1][1] if steps else trial.value)))
    return steps


def _changed(unchanged: Trial, winner: Trial) -> list[tuple[str, str]]:
    """The choices in which the winner differs from the unchanged prompt."""
    return [(k, readable(v)) for k, v in winner.params.items() if v != unchanged.params.get(k)]
