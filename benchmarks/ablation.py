"""What each part of the search brings: `python -m benchmarks.ablation`.

The same search with one part taken away, at the same number of calls of the target, on the worked examples; the true
quality of the final prompt is taken on rows that the search was not given. Offline models are of no family, so they get
the habits of any model; once more without these: where habits lead to the best prompt at once, there is nothing left to
search for. Models answer in this process: over HTTP they answer the same. Offline models and made-up data: the figures
show the tool, nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.peers.ours import FRACTIONS, _labels, effort_of
from benchmarks.peers.subjects import TARGETS, Subject, subject
from optimizer.data.split import split_examples
from optimizer.evaluate import record
from optimizer.habits import GENERIC, Habits, habits_of
from optimizer.models.money.meter import Metered, Purse
from optimizer.objective import Constraints, Objective, Unit
from optimizer.offline import OfflineModel
from optimizer.offline.personas import PRICES
from optimizer.programs.prompted import PromptProgram
from optimizer.search.brief import Brief, Cast, Effort, Ground, Scale
from optimizer.search.loop import search
from optimizer.search.trial import SearchResult
from optimizer.space import SearchSpace
from search_spaces import STANDARD

RESULTS = Path(__file__).parent / "results"
OTHER = {"sim-beta": "sim-gamma", "sim-gamma": "sim-beta"}  # whose search comes first, for the warm start
FAMILIES = ("claude", "deepseek", "gemini", "gpt", "llama", "mistral", "nova", "qwen")  # of none of which they are
UNCOMPILED = SearchSpace(tuple(d for d in STANDARD.dimensions if d.name != "program"))


@dataclass(frozen=True)
class Run:
    """One search, whole or with something taken away."""

    task: Subject
    seed: int
    calls: int
    target: str
    habits: str = GENERIC  # of this family; "": none at all; "another": of a family that the model is not of, by seed
    pruner: str = Effort.pruner
    rounds: int | None = None
    proposals: int = Effort.proposals
    space: SearchSpace = STANDARD
    after_another: bool = False  # with what the search for another target taught

    def search(self) -> SearchResult:
        made = brief(self.task, self.seed, self.calls, self.target)
        rounds = self.rounds or made.effort.rounds
        effort = replace(made.effort, pruner=self.pruner, proposals=self.proposals, rounds=rounds)
        cast = replace(made.cast, habits=self._habits())
        another = replace(self, target=OTHER[self.target], after_another=False)
        earlier = (another.search(),) if self.after_another else ()
        return search(self.task.prompt, self.space, replace(made, effort=effort, cast=cast, earlier=earlier))

    def _habits(self) -> Habits:
        family = FAMILIES[self.seed % len(FAMILIES)] if self.habits == "another" else self.habits
        return habits_of(self.target, family) if family else Habits("none", "any model")


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


LESS: Mapping[str, Mapping[str, Any]] = {
    "whole": {},
    "no race: all rows for each": {"pruner": "none"},  # one candidate after the other
    "Optuna's Wilcoxon pruner for the race": {"pruner": "wilcoxon"},
    "one round: nothing is learned on the way": {"rounds": 1},
    "no proposals": {"proposals": 0},
    "no compiled programs": {"space": UNCOMPILED},
    "warm start from another target": {"after_another": True},
    "habits of a family that it is not of": {"habits": "another"},
}
GROUNDS: Mapping[str, Mapping[str, Any]] = {
    "with the habits of any model": {},
    "without habits": {"habits": ""},
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description="What each part brings.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, nargs="+", default=[200, 800], help="of the target, for one search")
    chosen = parser.parse_args(arguments)
    lines = [f"True quality in points, mean over {', '.join(TARGETS)} and {chosen.seeds} seeds."]
    for ground, known in GROUNDS.items():
        heads = " | ".join(f"{calls} calls" for calls in chosen.calls)
        lines += ["", f"| {ground} | {heads} |", "|---|" + "---:|" * len(chosen.calls)]
        first: dict[int, list[float]] = {}
        for name, less in LESS.items():
            if known and "habits" in less:
                continue
            cells = []
            for calls in chosen.calls:
                found = qualities(chosen.seeds, calls, {**known, **less})
                cells.append(_cell(found, first.setdefault(calls, found)))
            lines.append(f"| {name} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr, flush=True)
    (RESULTS / "ablation.md").write_text("\n".join(lines) + "\n", "utf-8")


def qualities(seeds: int, calls: int, setting: Mapping[str, Any]) -> list[float]:
    """True quality of the final prompt in points, by seed and task."""
    found = []
    for seed in range(seeds):
        for name in TARGETS:
            task = subject(name, seed)
            run = Run(task, seed, calls, task.target, **setting)
            found.append(100 * task.exam(run.search().winner.prompt)[0])
    return found


def _cell(found: Sequence[float], whole: Sequence[float]) -> str:
    """The mean, and the paired difference from the whole search with its 95 % interval."""
    if found is whole:
        return f"{fmean(found):.1f}"
    apart = [ours - theirs for ours, theirs in zip(found, whole, strict=True)]
    return f"{fmean(found):.1f} ({fmean(apart):+.1f} ± {1.96 * stdev(apart) / len(apart) ** 0.5:.1f})"


if __name__ == "__main__":
    main()
