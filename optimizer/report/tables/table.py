"""Figures as a reader sees them: with their unit, their bounds and their number of examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.report.figures.intervals import Measured
from optimizer.report.figures.measures import Measure, Unit
from optimizer.report.tables.numbers import signed

HEADLINES = ("quality", "valid", "cost_per_1000", "latency_p95")
_SAME = 0.0005  # differences that the shown digits do not show


@dataclass(frozen=True)
class Cell:
    """A figure and its bounds; what was not measured says so, and has no bounds."""

    figure: str
    bounds: str
    n: int


@dataclass(frozen=True)
class Row:
    """One line of the side-by-side table; `unchanged` is None where nothing was searched. `n`: the examples."""

    key: str
    name: str
    n: str
    source: Cell
    unchanged: Cell | None
    migrated: Cell
    change: Cell
    better: bool | None


def table(measured: Sequence[Measure]) -> list[Row]:
    return [_row(one) for one in measured]


def tiles(rows: Sequence[Row]) -> list[Row]:
    """The rows that a reader in a hurry looks for."""
    return [row for row in rows if row.key in HEADLINES]


def cell(found: Measured, unit: Unit) -> Cell:
    if math.isnan(found.value):
        return Cell("not recorded", "", 0)
    if found.low is None and found.high is None:
        return Cell(_figure(found.value, unit), "", found.n)
    low, high = (None if end is None else _figure(end, unit) for end in (found.low, found.high))
    return Cell(_figure(found.value, unit), _between(low, high), found.n)


def _row(one: Measure) -> Row:
    source, migrated = cell(one.source, one.unit), cell(one.migrated, one.unit)
    unchanged = cell(one.unchanged, one.unit) if one.unchanged else None
    change = _change(one)
    better = None if source.figure == migrated.figure or change.figure == "same" else one.better
    sizes = dict.fromkeys(side.n for side in (source, unchanged, migrated) if side and side.n)
    n = " / ".join(f"{size:,}" for size in sizes) or "–"
    return Row(one.key, one.name, n, source, unchanged, migrated, change, better)


def _change(one: Measure) -> Cell:
    found = one.change
    if math.isnan(found.value):
        return Cell("–", "", found.n)

    def told(value: float) -> str:
        if one.unit in ("score", "share"):
            return signed(100 * value, ".1f")
        return signed(value, ".0%" if abs(value) >= 0.1 else ".1%")

    small = _SAME if one.unit in ("score", "share") else _SAME * 10
    unit = " points" if one.unit in ("score", "share") else ""
    figure = "same" if abs(found.value) < small else f"{told(found.value)}{unit}"
    low, high = (None if end is None else told(end) for end in (found.low, found.high))
    return Cell(figure, _between(low, high), found.n)


def _between(low: str | None, high: str | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"{low} or more"
    return f"{low} to {high}" if low is not None else f"{high} or less"


def _figure(value: float, unit: Unit) -> str:
    if unit == "dollars":
        return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"
    forms = {"score": "{:.3f}", "share": "{:.1%}", "seconds": "{:.2f} s", "tokens": "{:,.0f}"}
    return forms[unit].format(value)
