"""How much of what the space holds a search finds: `python -m benchmarks.exhaustive`.

The standard space without compiled programs (a compile is a search of its own), on the worked examples. All of it is
tens of thousands of prompts, so the sweep measures a random thousand on every validation row, fits their values by
choices and pairs of choices, and then measures those that the fit likes best, twice over. What exhaustive evaluation
would find is the best of all that by its validation score; beside it stands the best in hindsight, by the unseen rows.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from benchmarks.ablation import UNCOMPILED, brief
from benchmarks.peers.ours import first_pool
from benchmarks.peers.subjects import TARGETS, Subject, subject
from optimizer.evaluate import record
from optimizer.offline import OfflineModel
from optimizer.programs.prompted import PromptProgram
from optimizer.search.brief import Brief
from optimizer.search.loop import search
from optimizer.search.pool import Pool
from optimizer.space import Value

RESULTS = Path(__file__).parent / "results"
SAMPLE, LIKED, SWEEPS, FINALISTS = 1000, 200, 2, 25

Params = Mapping[str, Value]


@dataclass
class Sweep:
    """Values on all validation rows by configuration; a prompt that two of them build is measured once."""

    task: Subject
    made: Brief
    pool: Pool

    def __post_init__(self) -> None:
        self.values: dict[tuple[Value, ...], float] = {}
        self._by_digest: dict[str, float] = {}
        self._model = OfflineModel(f"offline/{self.task.target}")

    def measure(self, params: Params) -> None:
        prompt = self.pool.build(params)
        if prompt.digest not in self._by_digest:
            rows, scale = self.made.ground.validation, self.made.scale
            outputs = record(PromptProgram(prompt), self._model, rows)
            marks = scale.score(rows, outputs, self.made.ground.references).scores
            self._by_digest[prompt.digest] = fmean(mark.value for mark in marks)
        self.values[tuple(params.values())] = self._by_digest[prompt.digest]

    def true(self, params: Params) -> float:
        return 100 * self.task.exam(self.pool.build(params))[0]


def all_of(pool: Pool) -> list[Params]:
    """Every configuration that counts, settled, in a fixed order."""
    space = pool.offered()
    found: dict[tuple[Value, ...], Params] = {}
    for values in product(*(d.choices for d in space.dimensions)):
        settled = space.settled(dict(zip(space.names, values, strict=True)))
        if tuple(settled.values()) == values:
            found[values] = settled
    return list(found.values())


def sweep(task: Subject, seed: int) -> tuple[Sweep, list[Params]]:
    made = brief(task, seed, SAMPLE)
    swept = Sweep(task, made, first_pool(task, made, seed, UNCOMPILED))
    every = all_of(swept.pool)
    for params in random.Random(seed).sample(every, min(SAMPLE, len(every))):
        swept.measure(params)
    for _ in range(SWEEPS):
        for params in liked(every, swept.values):
            swept.measure(params)
    return swept, every


def liked(every: Sequence[Params], values: Mapping[tuple[Value, ...], float]) -> list[Params]:
    """Those not measured yet which choices and pairs of choices promise most."""
    columns = {trait: at for at, trait in enumerate(dict.fromkeys(t for p in every for t in _traits(p)))}
    known = [params for params in every if tuple(params.values()) in values]
    rest = [params for params in every if tuple(params.values()) not in values]
    with threadpool_limits(1):
        fit = Ridge(alpha=3.0).fit(_table(known, columns), np.array([values[tuple(p.values())] for p in known]))
        promise = np.concatenate([fit.predict(_table(part, columns)) for part in _parts(rest)])
    return [rest[at] for at in np.argsort(-promise, kind="stable")[:LIKED]]


def _traits(params: Params) -> Iterator[object]:
    yield from params.items()
    yield from combinations(params.items(), 2)


def _table(some: Sequence[Params], columns: Mapping[object, int]) -> np.ndarray:
    table = np.zeros((len(some), len(columns)), dtype=np.float32)
    for row, params in enumerate(some):
        table[row, [columns[trait] for trait in _traits(params)]] = 1.0
    return table


def _parts(some: Sequence[Params], size: int = 2000) -> Iterator[Sequence[Params]]:
    yield from (some[start : start + size] for start in range(0, len(some), size))


def compared(name: str, seeds: Sequence[int], calls: int) -> str:
    """One line of the table."""
    task = subject(name, 0)
    swept, every = sweep(task, 0)
    order = sorted(every, key=lambda params: -swept.values.get(tuple(params.values()), -1.0))
    finalists = [swept.true(params) for params in order[:FINALISTS]]
    found = [
        100 * task.exam(search(task.prompt, UNCOMPILED, brief(task, seed, calls)).winner.prompt)[0] for seed in seeds
    ]
    rows = len(swept.made.ground.validation)
    share = [100 * value / finalists[0] for value in found]
    return (
        f"| {name} | {len(every):,} | {len(swept.values):,} | {finalists[0]:.1f} | {max(finalists):.1f} | "
        f"{fmean(found):.1f} | {fmean(share):.1f} ± {1.96 * stdev(share) / len(share) ** 0.5:.1f} % | "
        f"{100 * calls / (len(every) * rows):.3f} % |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exhaustive", description="What the space holds.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=800, help="of the target, for one search")
    parser.add_argument("--tasks", nargs="+", default=list(TARGETS))
    chosen = parser.parse_args(arguments)
    lines = [
        "| | prompts | measured | best by validation | in hindsight | search | of the best | calls |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in chosen.tasks:
        lines.append(compared(name, range(chosen.seeds), chosen.calls))
        print(lines[-1], file=sys.stderr, flush=True)
    (RESULTS / "exhaustive.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
