"""Whole optimisations side by side: `python -m benchmarks.peers`. See `benchmarks/peers/__init__.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import contest, subjects, tables
from benchmarks.peers.contest import Cell

RESULTS = Path(__file__).parents[1] / "results"
CALLS = 200  # of the target, for one optimisation: what a team may spend on one prompt


def cells(tasks: Sequence[str], methods: Sequence[str], seeds: range, calls: int, weight: float) -> list[Cell]:
    """Seed by seed, so that a benchmark that is cut off compares what it has."""
    found = []
    for seed in seeds:
        for task in tasks:
            for method in methods:
                caps = [calls // 8, calls // 4, calls // 2, calls] if method == "ours" else [calls]
                found += [Cell(task, method, seed, cap, 0.0) for cap in caps]
                if method in contest.WEIGHS_COST:
                    found.append(Cell(task, method, seed, calls, weight))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Ours against its peers.")
    parser.add_argument("--tasks", nargs="+", default=subjects.names(), metavar="TASK")
    parser.add_argument(
        "--methods", nargs="+", default=list(contest.METHODS), choices=contest.METHODS, metavar="METHOD"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--calls", type=int, default=CALLS, help="of the target, for one optimisation")
    parser.add_argument("--weight", type=float, default=0.2, help="of the relative cost, in the second objective")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="only write the tables anew")
    chosen = parser.parse_args(arguments)
    book = tables.Ledger(chosen.results / "peers.csv")
    if not chosen.table:
        seeds = range(chosen.first, chosen.first + chosen.seeds)
        contest.run(cells(chosen.tasks, chosen.methods, seeds, chosen.calls, chosen.weight), book)
    page = chosen.results / ("peers.md" if chosen.calls == CALLS else f"peers_{chosen.calls}.md")
    page.write_text(tables.as_markdown(book.rows(), chosen.calls, chosen.weight), "utf-8")
    print(f"written: {chosen.results / 'peers.csv'}, {page}", file=sys.stderr)


if __name__ == "__main__":
    main()
