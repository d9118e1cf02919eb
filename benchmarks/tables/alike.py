"""python -m benchmarks.tables.alike [--seeds 200] [--jobs 1]

How alike are two prompts in which examples they get right? Where only accuracies were recorded, `game` must assume a
link when it draws the answers. Here the link is measured where answers, or scores of blocks of examples, were
recorded; and the race is replayed with another link than the assumed one, to see what hangs on it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from benchmarks.tables.__main__ import BUDGETS, FINER, HOME, cells
from benchmarks.tables.game import LINK
from benchmarks.tables.recorded import Matrix, columns, folder, recorded
from benchmarks.tables.report import RESULTS, YARDSTICK, fewer, mean_and_interval
from benchmarks.tables.runs import OURS, Cell, Outcome, run

OTHER = 0.65  # nearer to what set-ups of one model show; the assumed link is that of the prompts of one search
DRAWN = ("slab", "mind_your_format", "capo_init")
BLOCK, BLOCKS = 30, 10  # examples in a block of capo_blocks, and blocks of a prompt that was never dropped
ALIVE = 0.05  # a prompt that is (nearly) always wrong tells nothing of which examples are hard


@dataclass(frozen=True)
class Group:
    """Prompts that answered the same examples: the mean score of prompt k on the `size` examples of column i."""

    scores: Matrix
    size: int = 1

    @property
    def accuracy(self) -> Matrix:
        return np.asarray(self.scores.mean(axis=1), np.float64)

    def covariance(self) -> float:
        """Of the scores of two prompts on one example, in the mean over all pairs."""
        rest = self.scores - self.accuracy[:, None]
        prompts, count = rest.shape
        pairs = _over_pairs(float((rest.sum(axis=0) ** 2).sum()), float((rest**2).sum()), prompts)
        return float(self.size * pairs / (count - 1))

    def expected(self, link: float) -> float:
        """The same, were the answers drawn as `game` draws them."""
        from scipy.special import ndtr, ndtri

        points, weights = np.polynomial.hermite_e.hermegauss(64)
        weights = weights / weights.sum()
        accuracy = self.accuracy.clip(0.01, 0.99)[:, None]
        right = ndtr((ndtri(accuracy) + np.sqrt(link) * points) / np.sqrt(1 - link)) - accuracy
        both, own = (right.sum(axis=0) ** 2) @ weights, (right**2).sum(axis=0) @ weights
        return _over_pairs(float(both), float(own), len(right))


def _over_pairs(square_of_sum: float, sum_of_squares: float, count: int) -> float:
    return (square_of_sum - sum_of_squares) / (count * (count - 1))


def link(groups: Sequence[Group]) -> float:
    """With which the pairs would vary together as much as they do, in the mean over the groups."""
    from scipy.optimize import brentq

    seen = float(np.mean([group.covariance() for group in groups]))
    least, most = 0.01, 0.99

    def missing(value: float) -> float:
        return float(np.mean([group.expected(value) for group in groups])) - seen

    if missing(least) > 0 or missing(most) < 0:
        return least if missing(least) > 0 else most
    return float(brentq(missing, least, most, xtol=1e-3))


def interval(groups: Sequence[Group], draws: int = 100) -> tuple[float, float]:
    """95 %, by drawing the groups anew."""
    rng = np.random.default_rng(0)
    found = [link([groups[k] for k in rng.integers(len(groups), size=len(groups))]) for _ in range(draws)]
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


# -- what was recorded


def answered(table: str) -> list[Group]:
    """A group for each model."""
    known = [one.answers for one in recorded(table) if one.answers is not None]
    return [group for answers in known if (group := _alive(answers.astype(np.float64), 1))]


def capo(dataset: str) -> list[Group]:
    """A group for each run of CAPO: its prompts that were never dropped, by their scores on the same blocks."""
    home = folder()
    assert home is not None, "no recorded tables"
    table = columns(home / "capo" / "capo_blocks.parquet")
    names = ("dataset", "exp", "model", "optimizer", "seed", "prompt_id", "block", "score")
    lines = sorted(line for line in zip(*(table[name] for name in names), strict=True) if line[0] == dataset)
    found = []
    for _, of_run in groupby(lines, key=lambda line: line[:5]):
        of_prompts = [dict(line[6:] for line in of) for _, of in groupby(of_run, key=lambda line: line[5])]
        whole = [[scores[b] for b in range(BLOCKS)] for scores in of_prompts if len(scores) == BLOCKS]
        found.append(_alive(np.array(whole).reshape(-1, BLOCKS), BLOCK))
    return [group for group in found if group]


def _alive(scores: Matrix, size: int) -> Group | None:
    """Without the prompts that are never, or always, right; four at least."""
    mean = scores.mean(axis=1)
    kept = scores[(mean > ALIVE) & (mean < 1)]
    return Group(kept, size) if len(kept) >= 4 else None


SOURCES: Mapping[str, Callable[[], list[Group]]] = {
    "babe: set-ups of one model (shots, chain of thought, system prompt)": lambda: answered("babe"),
    "gsm8k: set-ups of one model (shots, chain of thought)": lambda: answered("gsm8k"),
    "CAPO on agnews: prompts of one run": lambda: capo("agnews"),
    "CAPO on gsm8k: prompts of one run": lambda: capo("gsm8k"),
    "CAPO on copa: prompts of one run": lambda: capo("copa"),
}


# -- what hangs on it


def replayed(seeds: int) -> Iterator[Cell]:
    """The race and its yardstick, with the assumed link and the other one, on the tables whose answers are drawn."""
    for cell in cells(DRAWN, (*OURS, YARDSTICK), (*BUDGETS, *FINER), seeds):
        yield cell
        yield Cell(cell.table, cell.method, cell.budget, cell.seeds, OTHER)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args(given)
    if folder() is None:
        print("alike: skipped, for the recorded tables are not there (PROMPTPORT_DATA names their folder)")
        return
    found = run(list(replayed(asked.seeds)), HOME, asked.jobs, lambda line: print(line, file=sys.stderr))
    (RESULTS / "alike.md").write_text("\n".join([*_measured(), *_replayed(found)]) + "\n", encoding="utf-8")


def _measured() -> Iterable[str]:
    yield "# How alike prompts are, and what hangs on it\n"
    yield "Written by `python -m benchmarks.tables.alike`. The link is the correlation of what makes two prompts right"
    yield f"on the same example; the tables whose answers are drawn assume {LINK}.\n"
    yield "| recorded | groups | prompts | link | 95 % |\n|---|---:|---:|---:|---:|"
    for name, read in SOURCES.items():
        groups = read()
        low, high = interval(groups)
        prompts = sum(len(group.scores) for group in groups)
        yield f"| {name} | {len(groups)} | {prompts:,} | {link(groups):.2f} | {low:.2f} to {high:.2f} |"
    yield ""


def _replayed(found: Mapping[Cell, Outcome]) -> Iterable[str]:
    yield f"| Mean regret, points | link | method | {' | '.join(f'{b}x' for b in BUDGETS)} | times fewer calls |"
    yield f"|---|---:|---|{'---:|' * (len(BUDGETS) + 1)}"
    for table in DRAWN:
        for value in (LINK, OTHER):
            of_link = {c: o for c, o in found.items() if c.table == table and c.link == value}
            for method in (*OURS, YARDSTICK):
                curve = {c.budget: mean_and_interval(o.regret) for c, o in of_link.items() if c.method == method}
                regrets = " | ".join(f"{curve[b][0]:.2f} ± {curve[b][1]:.2f}" for b in BUDGETS)
                times = f"{fewer(of_link, table, method):.1f}" if method in OURS else ""
                yield f"| {table} | {value} | {method} | {regrets} | {times} |"


if __name__ == "__main__":
    main()
