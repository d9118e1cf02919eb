"""The results: a ledger that grows row by row, and the tables made of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, get_type_hints

OURS = "ours"


@dataclass(frozen=True)
class Row:
    """One optimisation. `quality`: of the final prompt on the unseen rows; `cost`: dollars of a call with it, against
    one of the source with the original. Calls, tokens and dollars are those of target and proposer together."""

    task: str
    method: str
    seed: int
    calls: int
    weight: float
    quality: float
    cost: float
    target_calls: int
    refused: int
    proposer_calls: int
    source_calls: int
    exam_calls: int
    input_tokens: int
    output_tokens: int
    dollars: float
    seconds: float
    note: str

    @property
    def key(self) -> tuple[str, str, int, int, float]:
        return self.task, self.method, self.seed, self.calls, self.weight

    def value(self, weight: float) -> float:
        """Quality less what it costs: equal for all methods, whatever they were told to look for."""
        return self.quality - weight * self.cost


class Ledger:
    """A CSV file. What stands in it need not be measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> list[Row]:
        if not self._path.exists():
            return []
        kinds = get_type_hints(Row)
        with self._path.open(encoding="utf-8", newline="") as file:
            return [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]

    def keys(self) -> set[tuple[str, str, int, int, float]]:
        return {row.key for row in self.rows()}

    def add(self, row: Row) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = not self._path.exists()
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(field.name for field in fields(Row))
            writer.writerow(getattr(row, field.name) for field in fields(Row))


@dataclass(frozen=True)
class Interval:
    """A mean with its half-width at 95 % (Student's t); no width for a single value."""

    mean: float
    half: float
    count: int

    def points(self, *, signed: bool = False) -> str:
        """In points of a hundred."""
        mean = f"{100 * self.mean:{'+' if signed else ''}.1f}"
        return mean if math.isnan(self.half) else f"{mean} ± {100 * self.half:.1f}"

    @property
    def sure(self) -> bool:
        return not math.isnan(self.half) and self.mean - self.half > 0


def interval(values: Sequence[float]) -> Interval:
    from scipy.stats import t

    if len(values) < 2:
        return Interval(values[0] if values else math.nan, math.nan, len(values))
    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return Interval(fmean(values), half, len(values))


def over_tasks(found: Sequence[Interval]) -> Interval:
    """The mean over these very tasks: uncertain for the seeds alone. No width where a task has a single seed."""
    if not found:
        return interval([])
    half = math.sqrt(sum(one.half**2 for one in found)) / len(found)
    return Interval(fmean(one.mean for one in found), half, len(found))


@dataclass(frozen=True)
class Results:
    """`calls`: the full limit. `weight`: of the cost in the second objective."""

    rows: tuple[Row, ...]
    calls: int
    weight: float

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(row.task for row in self.rows))

    @property
    def methods(self) -> list[str]:
        found = dict.fromkeys(row.method for row in self.rows if row.calls == self.calls)
        return sorted(found, key=lambda method: method != OURS)

    def of(self, task: str, method: str, *, calls: int | None = None, weight: float = 0.0) -> Mapping[int, Row]:
        """By seed. Methods that do not know of cost are there under every weight."""
        wanted = self.calls if calls is None else calls
        found = [row for row in self.rows if (row.task, row.method, row.calls) == (task, method, wanted)]
        knows = any(row.weight == weight for row in found)
        return {row.seed: row for row in found if row.weight == (weight if knows else 0.0)}

    def caps(self) -> list[int]:
        return sorted({row.calls for row in self.rows if row.method == OURS and row.calls <= self.calls})

    def ahead(self, task: str, peer: str, weight: float = 0.0) -> list[float]:
        """Ours less the peer's, seed by seed."""
        mine, theirs = self.of(task, OURS, weight=weight), self.of(task, peer, weight=weight)
        return [mine[seed].value(weight) - theirs[seed].value(weight) for seed in sorted(mine.keys() & theirs.keys())]

    def reached(self, task: str, peer: str) -> int | None:
        """The fewest calls at which ours, in the mean over seeds, is where the peer ends; None: not at all."""
        theirs = self.of(task, peer)
        for cap in self.caps():
            mine = self.of(task, OURS, calls=cap)
            both = sorted(mine.keys() & theirs.keys())
            if both and fmean(mine[s].quality for s in both) >= fmean(theirs[s].quality for s in both):
                return cap
        return None


def as_markdown(rows: Sequence[Row], calls: int, weight: float) -> str:
    known = Results(tuple(rows), calls, weight)
    if not rows:
        return "Nothing was measured yet.\n"
    compared = [*_fewer(known), *_ahead(known), *_reached(known)] if OURS in known.methods else []
    return "\n\n".join([_opening(known), *_quality(known), *compared, *_spend(known)]) + "\n"


def _opening(known: Results) -> str:
    seeds = ", ".join(f"{count} of {' and '.join(methods)}" for count, methods in _seeds(known).items())
    return (
        "# Whole optimisations, side by side\n\n"
        f"Simulated models over HTTP; {known.calls} calls of the target for every method, refused beyond; the same "
        f"proposer (sim-alpha). Seeds a task, each with rows of its own: {seeds}; pairs are of the seeds that both "
        "have. Points of a hundred, 95 % intervals over seeds; bold: ours is surely ahead."
    )


def _seeds(known: Results) -> Mapping[str, Sequence[str]]:
    """The methods by how many seeds they were run with on each task, most first."""
    found: dict[tuple[int, int], list[str]] = {}
    for method in known.methods:
        counts = [len(known.of(task, method)) for task in known.tasks]
        found.setdefault((min(counts), max(counts)), []).append(method)
    return {
        f"{least}" if least == most else f"{least} to {most}": found[least, most]
        for least, most in sorted(found, reverse=True)
    }


def _quality(known: Results) -> Iterator[str]:
    yield "## True quality of the final prompt on unseen rows"
    yield _by_task(known, lambda task, method: _mean(known, task, method, 0.0), known.methods)
    yield f"## With cost in the objective: quality less {known.weight:g} times the cost relative to the source's"
    yield _by_task(known, lambda task, method: _mean(known, task, method, known.weight), known.methods)


def _fewer(known: Results) -> Iterator[str]:
    yield "## Ours at fewer calls: true quality"
    lines = [_line(["task", *map(str, known.caps())]), _rule(len(known.caps()))]
    for task in known.tasks:
        values = [[row.quality for row in known.of(task, OURS, calls=cap).values()] for cap in known.caps()]
        lines.append(_line([task, *(interval(found).points() if found else "" for found in values)]))
    yield "\n".join(lines)


def _mean(known: Results, task: str, method: str, weight: float) -> str:
    found = [row.value(weight) for row in known.of(task, method, weight=weight).values()]
    return interval(found).points() if found else ""


def _ahead(known: Results) -> Iterator[str]:
    peers = [method for method in known.methods if method != OURS]
    for weight, title in ((0.0, "quality"), (known.weight, "the objective with cost")):
        yield f"## Ours less the peer's, paired by seed: {title}"
        table = _by_task(
            known,
            lambda task, peer, weight=weight: _difference(known.ahead(task, peer, weight)),  # type: ignore[misc]
            peers,
        )
        by_peer = [[known.ahead(task, peer, weight) for task in known.tasks] for peer in peers]
        means = [over_tasks([interval(values) for values in found if values]) for found in by_peer]
        yield table + "\n" + _line(["mean of tasks", *(_shown(mean) if mean.count else "" for mean in means)])


def _difference(values: Sequence[float]) -> str:
    return _shown(interval(values)) if values else ""


def _shown(found: Interval) -> str:
    return f"**{found.points(signed=True)}**" if found.sure else found.points(signed=True)


def _reached(known: Results) -> Iterator[str]:
    peers = [method for method in known.methods if method not in (OURS, "unchanged")]
    yield f"## Calls that ours needs for what the peer reaches with {known.calls}"

    def told(task: str, peer: str) -> str:
        if not known.of(task, peer):
            return ""
        found = known.reached(task, peer)
        return "not reached" if found is None else f"≤ {found}"

    yield _by_task(known, told, peers)


def _spend(known: Results) -> Iterator[str]:
    yield "## What an optimisation takes, mean over tasks and seeds"
    names = ("target_calls", "proposer_calls", "input_tokens", "output_tokens", "dollars", "seconds")
    lines = [_line(["method", *(name.replace("_", " ") for name in names)]), _rule(len(names))]
    for method in known.methods:
        found = [row for task in known.tasks for row in known.of(task, method).values()]
        means = [fmean(float(getattr(row, name)) for row in found) for name in names]
        shown = [
            f"{mean:,.0f}" if name != "dollars" else f"{mean:.2f}" for name, mean in zip(names, means, strict=True)
        ]
        lines.append(_line([method, *shown]))
    yield "\n".join(lines)


def _by_task(known: Results, cell: Callable[[str, str], str], methods: Sequence[str]) -> str:
    lines = [_line(["task", *methods]), _rule(len(methods))]
    lines += [_line([task, *(cell(task, method) for method in methods)]) for task in known.tasks]
    return "\n".join(lines)


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _rule(columns: int) -> str:
    return "|---|" + "---:|" * columns
