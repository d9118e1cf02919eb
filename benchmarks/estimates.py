"""How good is the estimate before a run? `python -m benchmarks.estimates`.

All worked examples towards three offline targets, each as a whole run with its own settings: what `promptport check`
says beforehand is set against what the run took. Nothing is asked over a network; a run takes 10 to 40 seconds.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import optimizer
from optimizer.models.purse import Spend
from optimizer.pipeline import migrate
from optimizer.task import load_task

RESULTS = Path(__file__).parent / "results"
EXAMPLES = Path(optimizer.__file__).parent / "examples"
TASKS = ("triage", "calls", "claims", "desk", "analyst")
TARGETS = ("offline/sim-beta", "offline/sim-gamma", "offline/sim-delta")


@dataclass(frozen=True)
class Ratio:
    """What was expected, as a multiple of what was taken."""

    calls: float
    dollars: float
    tokens: float


@dataclass(frozen=True)
class Row:
    task: str
    target: str
    spent: Spend
    expected: Ratio
    least: Ratio
    most: Ratio
    roles: dict[str, Ratio]

    @property
    def holds(self) -> bool:
        low, high = self.least, self.most
        return max(low.calls, low.dollars, low.tokens) <= 1 <= min(high.calls, high.dollars, high.tokens)


def ratio(reckoned: Spend | None, spent: Spend) -> Ratio:
    if reckoned is None:
        raise ValueError("the run was not reckoned beforehand")
    tokens = reckoned.input_tokens + reckoned.output_tokens, spent.input_tokens + spent.output_tokens
    return Ratio(reckoned.calls / spent.calls, reckoned.dollars / spent.dollars, tokens[0] / tokens[1])


def measured(task: str, target: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / task
        shutil.copytree(EXAMPLES / task, at)
        text = (at / "task.yaml").read_text("utf-8")
        (at / "task.yaml").write_text(re.sub(r"(?m)^target: \S+", f"target: {target}", text), "utf-8")
        found = migrate(load_task(at / "task.yaml"), at / "run")
    spent = found.spent
    roles = {role: ratio(found.expected[role], took) for role, took in found.spend.items()}
    least, most = ratio(found.at_least, spent), ratio(found.at_most, spent)
    return Row(task, target, spent, ratio(found.reckoned, spent), least, most, roles)


def table(rows: Sequence[Row]) -> Iterator[str]:
    yield "Expected before the run, as a multiple of what it took; in brackets the range, at least to at most.\n"
    yield "| task | target | calls taken | dollars taken | calls | dollars | tokens | range holds |"
    yield "|---|---|---:|---:|---:|---:|---:|---|"
    for row in rows:
        cells = (
            f"{getattr(row.expected, name):.2f} ({getattr(row.least, name):.2f} to {getattr(row.most, name):.2f})"
            for name in ("calls", "dollars", "tokens")
        )
        taken = f"{row.spent.calls:,} | {row.spent.dollars:.4f}"
        yield f"| {row.task} | {row.target} | {taken} | {' | '.join(cells)} | {'yes' if row.holds else '**no**'} |"
    middle = (f"{median(getattr(row.expected, name) for row in rows):.2f}" for name in ("calls", "dollars", "tokens"))
    held = sum(row.holds for row in rows)
    yield f"| **median** | | | | {' | '.join(middle)} | {held} of {len(rows)} |"
    yield "\nBy role, median over the runs:\n"
    yield "| role | calls | dollars | tokens |"
    yield "|---|---:|---:|---:|"
    for role in rows[0].roles:
        found = [row.roles[role] for row in rows]
        cells = (f"{median(getattr(one, name) for one in found):.2f}" for name in ("calls", "dollars", "tokens"))
        yield f"| {role} | {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description="Estimates beside real spend.")
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    chosen = parser.parse_args(arguments)
    rows = []
    for target in chosen.targets:
        for task in chosen.tasks:
            rows.append(measured(task, target))
            print(f"{task} to {target}: {rows[-1].expected}", file=sys.stderr, flush=True)
    (RESULTS / "estimates.md").write_text("\n".join(table(rows)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
