"""What each part of the search brings: `python -m benchmarks.ablation`.

The same search with one part taken away, at the same number of calls of the target, on the worked examples; the true
quality of the final prompt is taken on rows that the search was not given. Models answer in this process: over HTTP
they answer the same. Offline models and made-up data: the figures show the tool, nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.peers.ours import FRACTIONS, _labels, effort_of
from benchmarks.peers.subjects import TARGETS, Subject, subject
from optimizer.data.split import split_examples
from optimizer.evaluate import record
from optimizer.habits import Habits, habits_of
from optimizer.models.money.meter import Metered, Purse
from optimizer.objective import Constraints, Objective, Unit
from optimizer.offline import OfflineModel
from optimizer.offline.personas import PRICES
from optimizer.programs.prompted import PromptProgram
from optimizer.search.brief import Brief, Cast, Ground, Scale
from optimizer.search.loop import search
from optimizer.search.trial import SearchResult
from optimizer.space import SearchSpace
from search_spaces import STANDARD

RESULTS = Path(__file__).parent / "results"
OTHER = {"sim-beta": "sim-gamma", "sim-gamma": "sim-beta"}  # whose search comes first, for the warm start
UNCOMPILED = SearchSpace(tuple(d for d in STANDARD.dimensions if d.name != "program"))

Way = Callable[[Subject, int, int], SearchResult]


def brief(task: Subject, seed: int, calls: int, target: str = "") -> Brief:
    name = f"offline/{target or task.target}"
    parts = split_examples(task.rows, FRACTIONS, seed=seed, strata=_labels(task))
    source = OfflineModel(f"offline/{task.source}")
    references = {out.example_id: out for out in record(PromptProgram(task.prompt), source, task.rows)}
    purse, price = Purse(calls=calls), PRICES[name]
    return Brief(
        Ground(parts.train, parts.validation, references, _labels(task)),
        Scale(task.metric, Objective(cost=0.0), Constraints(), Unit.of(list(references.values()))),
        Cast(Metered(OfflineModel(name), purse, "target", price), source, habits_of(name), price),
        effort_of(calls, seed),
        lambda more: None if purse.affords(calls=more) else "the calls are used",
        lambda: float(purse.left().calls or 0),
    )


def whole(task: Subject, seed: int, calls: int) -> SearchResult:
    return search(task.prompt, STANDARD, brief(task, seed, calls))


def without_race(task: Subject, seed: int, calls: int) -> SearchResult:
    """Every candidate is measured on all validation rows, one after the other."""
    made = brief(task, seed, calls)
    return search(task.prompt, STANDARD, replace(made, effort=replace(made.effort, pruner="none")))


def with_wilcoxon(task: Subject, seed: int, calls: int) -> SearchResult:
    made = brief(task, seed, calls)
    return search(task.prompt, STANDARD, replace(made, effort=replace(made.effort, pruner="wilcoxon")))


def without_rounds(task: Subject, seed: int, calls: int) -> SearchResult:
    """All candidates enter at once; nothing is learned on the way."""
    made = brief(task, seed, calls)
    return search(task.prompt, STANDARD, replace(made, effort=replace(made.effort, rounds=1)))


def without_programs(task: Subject, seed: int, calls: int) -> SearchResult:
    return search(task.prompt, UNCOMPILED, brief(task, seed, calls))


def without_habits(task: Subject, seed: int, calls: int) -> SearchResult:
    made = brief(task, seed, calls)
    return search(task.prompt, STANDARD, replace(made, cast=replace(made.cast, habits=Habits("none", "any model"))))


def with_warm_start(task: Subject, seed: int, calls: int) -> SearchResult:
    """After the search for another target, with what that one taught."""
    earlier = search(task.prompt, STANDARD, brief(task, seed, calls, OTHER[task.target]))
    return search(task.prompt, STANDARD, replace(brief(task, seed, calls), earlier=(earlier,)))


WAYS: Mapping[str, Way] = {
    "whole": whole,
    "no race: all rows for each": without_race,
    "Optuna's Wilcoxon pruner for the race": with_wilcoxon,
    "one round": without_rounds,
    "no compiled programs": without_programs,
    "no habits": without_habits,
    "warm start from another target": with_warm_start,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description="What each part brings.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, nargs="+", default=[200, 800], help="of the target, for one search")
    chosen = parser.parse_args(arguments)
    lines = [f"True quality in points, mean over {', '.join(TARGETS)} and {chosen.seeds} seeds.", ""]
    lines += [f"| | {' | '.join(f'{calls} calls' for calls in chosen.calls)} |", "|---|" + "---:|" * len(chosen.calls)]
    first: dict[int, list[float]] = {}
    for name, way in WAYS.items():
        cells = []
        for calls in chosen.calls:
            found = [
                100 * (made := subject(task, seed)).exam(way(made, seed, calls).winner.prompt)[0]
                for seed in range(chosen.seeds)
                for task in TARGETS
            ]
            cells.append(_cell(found, first.setdefault(calls, found)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    (RESULTS / "ablation.md").write_text("\n".join(lines) + "\n", "utf-8")


def _cell(found: Sequence[float], whole: Sequence[float]) -> str:
    """The mean, and the paired difference from the whole search with its 95 % interval."""
    if found is whole:
        return f"{fmean(found):.1f}"
    apart = [ours - theirs for ours, theirs in zip(found, whole, strict=True)]
    return f"{fmean(found):.1f} ({fmean(apart):+.1f} ± {1.96 * stdev(apart) / len(apart) ** 0.5:.1f})"


if __name__ == "__main__":
    main()
