"""The figures of a run as CSV and as Markdown."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.tables.recorded import Matrix
from benchmarks.tables.runs import OURS, Cell, Outcome

RESULTS = Path(__file__).parents[1] / "results"
YARDSTICK, AT = "sequential halving", 12  # what is reached by whom and where
DRAWS = 1000  # of the bootstrap

Row = tuple[str, int, str, int, float, float, float, float, float]
HEADER = ("table", "budget", "method", "seeds", "regret", "interval", "bias", "gap", "gap_interval")


def rows(found: Mapping[Cell, Outcome]) -> list[Row]:
    """In points: mean regret, reported minus true quality, and regret minus that of the yardstick, seed by seed."""
    made = []
    yardstick = {(c.table, c.budget): o.regret for c, o in found.items() if c.method == YARDSTICK}
    for cell, outcome in found.items():
        other = yardstick.get((cell.table, cell.budget))
        both = min(cell.seeds, len(other)) if other is not None else 0
        gap = mean_and_interval(outcome.regret[:both] - other[:both]) if other is not None else (math.nan, math.nan)
        regret = mean_and_interval(outcome.regret)
        bias = 100 * float(outcome.bias.mean())
        made.append((cell.table, cell.budget, cell.method, cell.seeds, *regret, bias, *gap))
    return made


def mean_and_interval(values: Matrix) -> tuple[float, float]:
    """Mean and half of its 95 % interval, in points."""
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return 100 * float(values.mean()), 100 * half


def calls_needed(found: Mapping[Cell, Outcome], table: str, method: str) -> float | None:
    """Calls per prompt at which the method's mean regret is down to that of the yardstick at 12: between two
    budgets on a straight line in their logarithms; the least budget of all where it is there already."""
    curve = {
        cell.budget: 100 * o.regret.mean() for cell, o in found.items() if (cell.table, cell.method) == (table, method)
    }
    goal = [
        100 * o.regret.mean()
        for cell, o in found.items()
        if (cell.table, cell.method, cell.budget) == (table, YARDSTICK, AT)
    ]
    if not curve or not goal:
        return None
    best, before = math.inf, None
    for budget in sorted(curve):
        if curve[budget] <= goal[0]:
            if before is None:
                return float(budget)
            share = (best - goal[0]) / (best - curve[budget])
            return float(math.exp(math.log(before) + share * math.log(budget / before)))
        best, before = float(curve[budget]), budget
    return math.inf


def fewer(found: Mapping[Cell, Outcome], table: str, method: str) -> float:
    """How many times fewer calls than the yardstick's the method needs."""
    return AT / (calls_needed(found, table, method) or math.inf)


def median_fewer(found: Mapping[Cell, Outcome], tables: Sequence[str], method: str) -> float:
    return float(np.median([fewer(found, table, method) for table in tables]))


def interval_of_median(found: Mapping[Cell, Outcome], tables: Sequence[str], method: str) -> tuple[float, float]:
    """95 % interval by the percentile bootstrap over seeds; both sides of a game are drawn together."""
    rng = np.random.default_rng(0)
    mine = {cell: outcome for cell, outcome in found.items() if cell.method in (method, YARDSTICK)}
    drawn = [median_fewer(_redrawn(mine, rng), tables, method) for _ in range(DRAWS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _redrawn(found: Mapping[Cell, Outcome], rng: np.random.Generator) -> dict[Cell, Outcome]:
    """The seeds of each table with replacement; a cell that has fewer of them takes those of the drawn that it has."""
    most: dict[str, int] = {}
    for cell, outcome in found.items():
        most[cell.table] = max(most.get(cell.table, 0), len(outcome.regret))
    seeds = {table: rng.integers(0, size, size) for table, size in most.items()}
    drawn = {cell: seeds[cell.table][seeds[cell.table] < len(outcome.regret)] for cell, outcome in found.items()}
    return {cell: Outcome(o.regret[drawn[cell]], o.bias[drawn[cell]], o.kept[drawn[cell]]) for cell, o in found.items()}


def write(found: Mapping[Cell, Outcome]) -> None:
    made = rows(found)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "tables.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([*row[:4], *(f"{value:.3f}" for value in row[4:])] for row in made)
    (RESULTS / "tables.md").write_text("\n".join(_pages(made, found)) + "\n", encoding="utf-8")


def _pages(made: Sequence[Row], found: Mapping[Cell, Outcome]) -> Iterable[str]:
    yield "# Which prompt gets the next call: replayed on recorded answers\n"
    yield "Written by `python -m benchmarks.tables`. In points; ± is half of the 95 % interval over seeds.\n"
    for table in dict.fromkeys(row[0] for row in made):
        of_table = [row for row in made if row[0] == table and row[2] != "engine"]
        if of_table:
            yield f"## {table}\n"
            yield from _regrets(of_table)
            yield from _biases(of_table)
    yield from _calls(found)
    yield from _kept(found)


def _regrets(made: Sequence[Row]) -> Iterable[str]:
    budgets = [b for b in sorted({row[1] for row in made}) if any(row[2] == YARDSTICK and row[1] == b for row in made)]
    cells = {(row[2], row[1]): f"{row[4]:.2f} ± {row[5]:.2f}" for row in made}
    yield from _grid("Mean regret", cells, budgets)


def _biases(made: Sequence[Row]) -> Iterable[str]:
    budgets = [b for b in sorted({row[1] for row in made}) if any(row[2] == YARDSTICK and row[1] == b for row in made)]
    cells = {(row[2], row[1]): f"{row[6]:+.2f}" for row in made}
    yield from _grid("Reported minus true quality of the winner", cells, budgets)


def _grid(title: str, cells: Mapping[tuple[str, int], str], budgets: Sequence[int]) -> Iterable[str]:
    yield f"| {title} | {' | '.join(f'{b}x' for b in budgets)} |"
    yield f"|---|{'---:|' * len(budgets)}"
    for method in dict.fromkeys(name for name, _ in cells):
        yield f"| {method} | {' | '.join(cells.get((method, b), '') for b in budgets)} |"
    yield ""


def _calls(found: Mapping[Cell, Outcome]) -> Iterable[str]:
    tables = [t for t in dict.fromkeys(cell.table for cell in found) if calls_needed(found, t, OURS[0]) is not None]
    if not tables:
        return
    yield f"## Calls per prompt to reach what {YARDSTICK} reaches with {AT}\n"
    yield f"| method | {' | '.join(tables)} | times fewer, median (95 % interval) |"
    yield f"|---|{'---:|' * (len(tables) + 1)}"
    for method in OURS:
        needed = [calls_needed(found, table, method) or math.inf for table in tables]
        times, (low, high) = median_fewer(found, tables, method), interval_of_median(found, tables, method)
        yield f"| {method} | {' | '.join(f'{calls:.1f}' for calls in needed)} | {times:.1f} ({low:.1f} to {high:.1f}) |"
    yield ""


def _kept(found: Mapping[Cell, Outcome]) -> Iterable[str]:
    engine = {cell: outcome for cell, outcome in found.items() if cell.method == "engine"}
    if engine:
        yield "## Where prompts hardly differ, the unchanged prompt stays\n"
        yield "| table | budget | runs | kept | regret |\n|---|---:|---:|---:|---:|"
    for cell, outcome in engine.items():
        regret, half = mean_and_interval(outcome.regret)
        kept = 100 * outcome.kept.mean()
        yield f"| {cell.table} | {cell.budget}x | {cell.seeds} | {kept:.1f} % | {regret:.2f} ± {half:.2f} |"
