"""A run under other terms, told: as text, as one page, and as files for a program."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.config.terms import Terms, Wishes, terms_of
from optimizer.errors import RunDirError
from optimizer.report.html import charts
from optimizer.report.html.templating import render
from optimizer.results.migration import Migration
from optimizer.results.records import as_json, plain
from optimizer.results.rescore import Rescored, rescore
from optimizer.results.rundir import write_whole
from optimizer.results.sensitivity import Cell, Study, take_apart


@dataclass(frozen=True)
class Outcome:
    """All targets under one set of terms; `own`: they are the run's own."""

    terms: Terms
    own: bool
    targets: tuple[Rescored, ...]


def under(migration: Migration, **wishes: Any) -> tuple[tuple[Outcome, ...], tuple[Study, ...]]:
    """The run's own terms and those wished for (see `Wishes`), and the objective taken apart under the last of them."""
    own = Terms.of(migration.settings)
    wished = [terms for terms in terms_of(own, Wishes(**wishes)) if terms != own]
    outcomes = tuple(Outcome(terms, terms == own, rescore(migration, terms)) for terms in (own, *wished))
    return outcomes, take_apart(migration, outcomes[-1].terms, outcomes[-1].targets)


def as_text(outcomes: Sequence[Outcome], studies: Sequence[Study]) -> str:
    rows = list(_named(outcomes))
    wide = max([34, *(len(name) for name, _ in rows)])
    head = f"{'target':24} {'winner':18} {'objective':>9} {'quality':>8} {'$/1,000':>9}  verdict"
    lines = ["", f"{'terms':{wide}} {head}", *(f"{name:{wide}} {found.model:24} {_row(found)}" for name, found in rows)]
    for study in studies:
        lines += ["", f"{study.model}: as cost weighs more", *(f"  {text}" for text in _stretches(study, outcomes[-1]))]
        for evaluator, shares in study.importance.items():
            told = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:5])
            lines.append(f"  importance of the dimensions ({evaluator}): {told}")
    return "\n".join(lines)


def write_rescored(folder: Path, migration: Migration, outcomes: Sequence[Outcome], studies: Sequence[Study]) -> Path:
    """rescored.json, sensitivity.csv and rescored.html; returns the page. Raises RunDirError where it cannot write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirError(f"{folder}: cannot write here ({error.strerror}); make room, or copy the run") from error
    write_whole(folder / "rescored.json", as_json(as_dict(migration, outcomes, studies)))
    write_whole(folder / "sensitivity.csv", _as_csv(studies))
    write_whole(folder / "rescored.html", as_page(migration, outcomes, studies))
    return folder / "rescored.html"


def as_dict(migration: Migration, outcomes: Sequence[Outcome], studies: Sequence[Study]) -> dict[str, Any]:
    return {
        "name": migration.name,
        "calls": 0,
        "terms": [
            {
                **outcome.terms.model_dump(mode="json", exclude={"name"}),
                "own": outcome.own,
                "targets": [_target(found) for found in outcome.targets],
            }
            for outcome in outcomes
        ],
        "importance": {study.model: plain(study.importance) for study in studies},
        "sensitivity": {study.model: plain(study.cells) for study in studies},
    }


def as_page(migration: Migration, outcomes: Sequence[Outcome], studies: Sequence[Study]) -> str:
    return render(
        "report/html/rescored.html",
        run=migration,
        rows=[(name, found.model, *_Line.of(found).cells, _verdict(found)) for name, found in _named(outcomes)],
        searched=any(found.trials for outcome in outcomes for found in outcome.targets),
        studies=[(study, picture(study, outcomes[-1].terms), _winners(study)) for study in studies],
    )


def _weights(outcome: Outcome) -> str:
    return outcome.terms.weights + (" (the run's)" if outcome.own else "")


def _differences(terms: Terms, own: Terms) -> Iterator[str]:
    """What the weights do not say: without it, two rows would bear one name."""
    if terms.metrics != own.metrics:
        yield "metric " + ", ".join(metric.name for metric in terms.metrics)
    for section in ("constraints", "decision"):
        ours, theirs = (getattr(one, section).model_dump(mode="json") for one in (terms, own))
        for name, value in ours.items():
            if value != theirs[name]:
                yield f"{name} {'none' if value is None else value}"
    if terms.slices != own.slices:
        yield "other slices"


def _named(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, Rescored]]:
    """Each row and the name of its terms; the first outcome is the run's."""
    for outcome in outcomes:
        name = "; ".join((_weights(outcome), *_differences(outcome.terms, outcomes[0].terms)))
        yield from ((name, found) for found in outcome.targets)


@dataclass(frozen=True)
class _Line:
    """Who wins, by what: on validation examples; of a comparison, which has no candidates, on all. None: not known."""

    name: str
    objective: float | None
    quality: float | None
    cost: float | None
    latency: float | None

    @classmethod
    def of(cls, found: Rescored) -> _Line:
        if found.trials:
            one = found.winner
            name = f"trial {found.best}" + ("" if found.best == found.before else f" (not {found.before})")
            return cls(name, one.value, one.quality, one.cost, one.latency)
        if not found.confirmation:
            return cls("", None, None, None, None)
        met = found.confirmation.winner
        known = (None if math.isnan(figure) else figure for figure in (met.quality, met.cost, met.latency))
        return cls("as recorded", None, *known)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Winner, objective, quality and dollars per 1,000 calls, as people read them."""
        objective, quality = ("" if one is None else f"{one:.3f}" for one in (self.objective, self.quality))
        return self.name, objective, quality, "" if self.cost is None else f"{1000 * self.cost:.4f}"


def _row(found: Rescored) -> str:
    name, objective, quality, dollars = _Line.of(found).cells
    return f"{name:18} {objective:>9} {quality:>8} {dollars:>9}  {_verdict(found)}"


def _verdict(found: Rescored) -> str:
    if found.decision:
        return found.decision.verdict.value
    price = f", about ${found.dollars:,.4f}" if found.dollars is not None else ""
    return f"open: it never met the held-out examples; {found.calls:,} calls of the target would tell{price}"


def _target(found: Rescored) -> dict[str, Any]:
    line = _Line.of(found)
    return {
        "model": found.model,
        "winner": found.best,
        "before": found.before,
        "changed": found.best != found.before,
        "objective": line.objective,
        "quality": line.quality,
        "cost": line.cost,
        "latency": line.latency,
        "decision": plain(found.decision),
        "calls_needed": found.calls,
        "dollars_needed": found.dollars,
    }


def _stretches(study: Study, outcome: Outcome) -> Iterator[str]:
    for low, high, winner in study.along_cost(outcome.terms.objective.latency):
        span = f"at {low:g}" if low == high else f"{low:g} to {high:g}"
        yield f"{span:12} {_figures(study, winner)}"


def _figures(study: Study, number: int) -> str:
    trial = study.trials[number]
    known = (
        f"quality {trial.quality:.3f}, ${1000 * (trial.cost or 0):.4f} per 1,000" if trial.quality is not None else ""
    )
    late = f", {trial.latency:.2f} s" if trial.latency is not None else ""
    return (
        f"trial {number}{' (unchanged)' if number == 0 else ''}: {known}{late} on {trial.examples} validation examples"
    )


def _winners(study: Study) -> list[tuple[int, int, str]]:
    """(trial, cells it wins, what is known of it)."""
    wins = [cell.winner for cell in study.cells]
    return [(number, wins.count(number), _figures(study, number)) for number in study.winners]


def picture(study: Study, terms: Terms) -> str:
    rows = sorted({cell.latency for cell in study.cells}, reverse=True)
    columns = sorted({cell.cost for cell in study.cells})
    by_weights = {(cell.cost, cell.latency): cell for cell in study.cells}
    tones = {number: place for place, number in enumerate(study.winners)}
    own = (columns.index(terms.objective.cost), rows.index(terms.objective.latency))
    cells = [[(tones[by_weights[c, r].winner], str(by_weights[c, r].winner)) for c in columns] for r in rows]
    words = "Winner by weights: " + "; ".join(
        f"trial {number} in {count} of {len(study.cells)}" for number, count, _ in _winners(study)
    )
    return charts.cells(
        cells,
        columns=[f"{weight:g}" for weight in columns],
        names=[f"{weight:g}" for weight in rows],
        titles=("weight of cost", "weight of latency"),
        words=words,
        framed=own,
    )


def _as_csv(studies: Sequence[Study]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("target", *Cell.__dataclass_fields__))
    for study in studies:
        writer.writerows((study.model, *plain(cell).values()) for cell in study.cells)
    return text.getvalue()
