"""What the verdict rests on beside the means: constraints, slices, figures over the whole set, judges, stages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.metrics.judges.scrutiny import Scrutiny
from optimizer.metrics.standard import brief
from optimizer.metrics.whole import Figure
from optimizer.report.figures.breakdown import UNITS, StageRow
from optimizer.report.tables.numbers import points
from optimizer.report.tables.table import Cell, cell
from optimizer.results.migration import Migration, TargetResult
from optimizer.verdict.slices import SliceResult

_WIDE = 240  # characters of a text in a cell
_NAMES = {
    "valid": ("valid replies, at least", "{:.1%}"),
    "p95_latency": ("95th percentile of latency, at most", "{:.2f} s"),
    "cost_per_1000": ("cost per 1,000 calls, at most", "${:,.4f}"),
    "prompt_tokens": ("input tokens, at most", "{:,.0f}"),
    "slice_drop": ("certain loss of quality in any slice, at most", "{:.3f}"),
}


@dataclass(frozen=True)
class SliceRow:
    name: str
    n: int
    source: str
    migrated: str
    difference: str
    bounds: str
    worse: bool


@dataclass(frozen=True)
class WorseSlice:
    """A slice that is surely worse, with the examples that lost most: (id, input, source's answer, migrated)."""

    name: str
    told: str
    rows: Sequence[tuple[str, str, str, str]]


def checks(result: TargetResult) -> list[tuple[str, str, str, bool]]:
    """The constraints: what is asked, what was measured, the limit, and whether it is kept."""
    found = []
    for check in result.decision.checks:
        name, form = _NAMES[check.name]
        found.append((name, form.format(check.value), form.format(check.limit), check.met))
    return found


def slice_rows(result: TargetResult) -> list[SliceRow]:
    """The slices that lose most first."""
    ordered = sorted(result.decision.slices, key=lambda found: (not found.worse, found.difference))
    return [
        SliceRow(
            found.name,
            found.n,
            f"{found.source:.3f}",
            f"{found.migrated:.3f}",
            points(found.difference),
            f"{points(found.low)} to {points(found.high)}",
            found.worse,
        )
        for found in ordered
    ]


def worse_slices(migration: Migration, result: TargetResult) -> list[WorseSlice]:
    met = result.confirmation
    answers = {
        source.example_id: (source, target)
        for source, target in zip(met.source.outputs, met.winner.outputs, strict=True)
    }

    def row(name: str) -> tuple[str, str, str, str]:
        inputs = " · ".join(brief(value, _WIDE)[1:-1] for value in migration.examples[name].inputs.values())
        source, target = answers[name]
        said = [brief(output.text or output.error or "", _WIDE)[1:-1] for output in (source, target)]
        return name, inputs, said[0], said[1]

    ordered = sorted((found for found in result.decision.slices if found.worse), key=lambda found: found.high)
    return [WorseSlice(found.name, _told(found), [row(name) for name in found.worst]) for found in ordered]


def stage_cells(row: StageRow) -> tuple[str, str, list[tuple[Cell, Cell]]]:
    """(name, kind, [(with the source, with the target) of each amount])."""
    return row.name, row.kind, [(cell(a, UNITS[name]), cell(b, UNITS[name])) for name, (a, b) in row.sides.items()]


def figure_rows(result: TargetResult) -> list[tuple[str, str, str, str, str]]:
    """(name, source, unchanged, migrated, bounds of the difference)."""
    return [
        (f"{f.name} ({f.n} examples)", _number(f.source), _number(f.unchanged), _number(f.migrated), _bounds(f))
        for f in result.decision.figures
    ]


def judge_facts(result: TargetResult) -> list[tuple[str, list[str]]]:
    """What was found out about each judging metric, in sentences."""
    return [
        (found.name, list(_about(found, len(result.confirmation.winner.outputs)))) for found in result.decision.judges
    ]


def _about(found: Scrutiny, held_out: int) -> Iterator[str]:
    if found.note:
        yield f"{found.note}."
    if noise := found.noise:
        yield (
            f"Asked again about {noise.n} answers, it gave the same score to {noise.same:.0%}; the standard deviation "
            f"of one judgement is {100 * noise.sd:.1f} points, which on a mean of {held_out} answers is "
            f"{100 * noise.sd / math.sqrt(max(held_out, 1)):.2f}."
        )
    if human := found.human:
        yield (
            f"Against people's scores of {human.n} answers: quadratically weighted kappa "
            f"{_ranged(human.kappa, human.kappa_low, human.kappa_high)}, rank correlation "
            f"{_ranged(human.correlation, human.correlation_low, human.correlation_high)} (95 % intervals); "
            f"its score minus theirs is {points(human.bias)} points on average."
        )
    if found.failed:
        yield f"{found.failed} of these judgements failed."


def _ranged(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _told(found: SliceResult) -> str:
    return (
        f"{found.n} examples, quality {found.migrated:.3f} against {found.source:.3f} with the source: "
        f"{points(found.difference)} points, at least {points(found.high)}."
    )


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _bounds(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "not defined"
    return f"{points(figure.low)} to {points(figure.high)}"
