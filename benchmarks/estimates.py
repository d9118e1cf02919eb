"""How good is the estimate before a run? `python -m benchmarks.estimates`.

All worked examples towards three offline targets, each as a whole run with its own settings, and tasks of other sizes,
spaces and data: what `promptport check` says beforehand is set against what the run took. Nothing is asked over a
network; a run takes 10 to 40 seconds. Data sets from outside join where PROMPTPORT_DATA names them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import yaml

import optimizer
from benchmarks.peers import outside
from optimizer.models.money.book import Spend
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


@dataclass(frozen=True)
class Case:
    """A worked example, or a data set from outside, towards one target; `search` changes that section of its task."""

    task: str
    target: str
    search: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return ", ".join([self.task, *(f"{name} {value}" for name, value in self.search.items())])

    def write(self, folder: Path) -> Path:
        """The task file, with its data beside it."""
        if self.task in TASKS:
            shutil.copytree(EXAMPLES / self.task, folder, dirs_exist_ok=True)
            document = yaml.safe_load((folder / "task.yaml").read_text("utf-8"))
        else:
            document = outside.write(self.task, folder, rows=300)
        document |= {"target": self.target, "search": {**document.get("search", {}), **self.search}}
        (folder / "task.yaml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
        return folder / "task.yaml"


def others() -> list[Case]:
    """What the estimate's shares were not measured on."""
    beta, gamma, _ = TARGETS
    varied = [
        Case("triage", gamma, {"space": "quick", "trials": 16}),
        Case("triage", gamma, {"trials": 96}),
        Case("calls", gamma, {"space": "thorough", "trials": 64}),
        Case("analyst", gamma, {"space": "quick", "trials": 12, "rounds": 1}),
    ]
    return [*varied, *(Case(name, beta) for name in outside.names())]


def measured(case: Case) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        found = migrate(load_task(case.write(Path(folder))), Path(folder) / "run")
    spent = found.spent
    roles = {role: ratio(found.expected[role], took) for role, took in found.spend.items()}
    least, most = ratio(found.at_least, spent), ratio(found.at_most, spent)
    return Row(case.name, case.target, spent, ratio(found.reckoned, spent), least, most, roles)


def page(rows: Sequence[Row], unseen: Sequence[Row]) -> Iterator[str]:
    yield "Expected before the run, as a multiple of what it took; in brackets the range, at least to at most.\n"
    if rows:
        yield "## The worked examples\n"
        yield from table(rows)
        yield from by_role(rows)
    if unseen:
        yield "## Tasks on which none of its shares was measured\n"
        yield from table(unseen)


def table(rows: Sequence[Row]) -> Iterator[str]:
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
    yield ""


def by_role(rows: Sequence[Row]) -> Iterator[str]:
    yield "By role, median over the runs:\n"
    yield "| role | calls | dollars | tokens |"
    yield "|---|---:|---:|---:|"
    for role in rows[0].roles:
        found = [row.roles[role] for row in rows]
        cells = (f"{median(getattr(one, name) for one in found):.2f}" for name in ("calls", "dollars", "tokens"))
        yield f"| {role} | {' | '.join(cells)} |"
    yield ""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates", description="Estimates beside real spend.")
    parser.add_argument("--tasks", nargs="*", default=TASKS, choices=TASKS)
    parser.add_argument("--targets", nargs="+", default=TARGETS)
    chosen = parser.parse_args(arguments)
    rows = [_told(Case(task, target)) for target in chosen.targets for task in chosen.tasks]
    unseen = [_told(case) for case in others()]
    (RESULTS / "estimates.md").write_text("\n".join(page(rows, unseen)), "utf-8")


def _told(case: Case) -> Row:
    row = measured(case)
    print(f"{case.name} to {case.target}: {row.expected}", file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    main()
