"""Fills the page's template; every value is escaped on its way in."""

from __future__ import annotations

import math
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from optimizer.corners import corners
from optimizer.migration import Migration, TargetResult
from optimizer.prompt import Prompt
from optimizer.report import charts, evidence, view
from optimizer.report.diff import compare


def as_page(migration: Migration) -> str:
    """The report as one self-contained HTML page."""
    from jinja2 import Environment, StrictUndefined

    here = files("optimizer.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((here / "page.html").read_text("utf-8"))
    script = (here / "page.js").read_text("utf-8")
    return template.render(
        run=migration,
        style=(here / "page.css").read_text("utf-8"),
        script=script,
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        targets=[_target(migration, result) for result in migration.targets],
        side_by_side=_side_by_side(migration) if len(migration.targets) > 1 else None,
        total=sum(spent.dollars for spent in migration.spend.values()),
        calls=sum(spent.calls for spent in migration.spend.values()),
        expected=sum(share.dollars for share in migration.expected.values()),
        wasted=sum(spent.wasted for spent in migration.spend.values()),
        wasted_dollars=sum(spent.wasted_dollars for spent in migration.spend.values()),
    )


def _side_by_side(migration: Migration) -> dict[str, Any]:
    found = corners(migration)
    source = migration.targets[0].confirmation.source
    placed = [row for row in found.standings if not math.isnan(row.cost)]
    dots = [
        charts.Dot(
            1000 * row.cost,
            row.quality,
            7,
            f"{'won' if row.model == found.recommended else 'complete' if row.acceptable else 'pruned'} plain",
            f"{row.model}: {row.verdict.value}, quality {row.quality:.3f}, ${1000 * row.cost:.4f} per 1,000, "
            f"{view.told(row.latency, '{:.2f} s')}",
            row.model,
        )
        for row in placed
    ]
    return {
        "found": found,
        "rows": view.standings(found),
        "picture": dots
        and charts.scatter(
            dots,
            x_title="dollars per 1,000 calls",
            y_title="quality on held-out examples",
            words=f"Quality against cost of {len(dots)} targets; {found.reason}",
            rules=[(source.quality, "source")],
        ),
    }


def _target(migration: Migration, result: TargetResult) -> dict[str, Any]:
    decision, comparison = result.decision, result.decision.comparison
    rows = view.table(result)
    fields = view.parts(result)
    return {
        "result": result,
        "verdict": decision.verdict.value,
        "table": rows,
        "tiles": view.tiles(rows),
        "checks": view.checks(result),
        "interval": charts.interval(comparison.mean, comparison.low, comparison.high, decision.margin),
        "slices": evidence.slice_rows(result),
        "worse": evidence.worse_slices(migration, result),
        "figures": evidence.figure_rows(result),
        "judges": evidence.judge_facts(result),
        "parts": fields and charts.bars(fields, _words(fields)),
        "moves": view.moves(migration, result),
        "held_out": len(result.confirmation.source.outputs),
        "sought": _search(migration.prompt, result) if migration.prompt and result.search.trials else None,
    }


def _search(before: Prompt, result: TargetResult) -> dict[str, Any]:
    """What was tried, and the prompt that came of it; none of it where outputs were recorded elsewhere."""
    found, winner = result.search, result.search.winner
    spread = view.spread(found.trials, found.best)
    return {
        "search": charts.scatter(
            view.dots(found.trials, found.best),
            x_title="trial",
            y_title="expected objective",
            words=f"{len(found.trials)} trials; trial {found.best} won at {winner.value:.3f}.",
            steps=view.best_so_far(found.trials),
        ),
        "spread": spread
        and charts.scatter(
            spread,
            x_title="dollars per 1,000 calls",
            y_title="quality on validation",
            words=f"Quality against cost of {len(spread)} candidates.",
            steps=[(1000 * (trial.cost or 0.0), trial.quality or 0.0) for trial in view.front(found.trials)],
            rules=[(result.confirmation.source.quality, "source")],
        ),
        "front": [trial.number for trial in view.front(found.trials)],
        "programs": sorted({trial.program for trial in found.trials}),
        "changed": view.changed(found.trials[0], winner),
        "diff": compare(before.messages, winner.prompt.messages),
    }


def _words(fields: list[tuple[str, list[tuple[str, float]]]]) -> str:
    return "; ".join(f"{name}: " + ", ".join(f"{kind} {value:.3f}" for kind, value in sides) for name, sides in fields)
