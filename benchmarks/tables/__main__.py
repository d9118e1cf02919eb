"""python -m benchmarks.tables [--seeds 200] [--tables slab,babe] [--methods 'race;uniform'] [--jobs 1]

Writes results/tables.csv and results/tables.md. What was measured is kept in `runs/tables`, seed by seed, so a run
that was cut off is finished by running it again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.tables.recorded import TABLES, folder
from benchmarks.tables.report import write
from benchmarks.tables.runs import METHODS, OURS, Cell, run

BUDGETS = (5, 12, 20, 40)  # calls per prompt
FINER = (3, 4, 6, 8)  # ours at these too: how few calls are enough
FLAT, ENGINE = "promptbench", "engine"
LARGE = ("slab", "mind_your_format")  # 200 prompts and more: there TPE takes too long, and others have fewer seeds
NOT_ON_LARGE = ("TPE and WilcoxonPruner",)
SLOW_ON_LARGE, SLOW_SEEDS = ("TRIPLE, continuous rejection", "top-two Thompson"), 60
HOME = Path(__file__).parents[2] / "runs" / "tables"


def cells(tables: Sequence[str], methods: Sequence[str], budgets: Sequence[int], seeds: int) -> Iterator[Cell]:
    for table in tables:
        for method in methods:
            if (method == ENGINE) != (table == FLAT) or (table in LARGE and method in NOT_ON_LARGE):
                continue
            enough = min(seeds, SLOW_SEEDS) if table in LARGE and method in SLOW_ON_LARGE else seeds
            for budget in budgets:
                if method in OURS or budget in BUDGETS:
                    yield Cell(table, method, budget, enough)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--methods", default=";".join(METHODS), help="separated by ';'")
    parser.add_argument("--budgets", default=",".join(map(str, (*BUDGETS, *FINER))), help="calls per prompt")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args(given)
    if folder() is None:
        print("tables: skipped, for the recorded tables are not there (PROMPTPORT_DATA names their folder)")
        return
    budgets = [int(budget) for budget in asked.budgets.split(",")]
    wanted = list(cells(asked.tables.split(","), asked.methods.split(";"), budgets, asked.seeds))
    write(run(wanted, HOME, asked.jobs, lambda line: print(line, file=sys.stderr)))


if __name__ == "__main__":
    main()
