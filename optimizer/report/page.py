"""Fills the page's template; every value is escaped on its way in."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

from optimizer.prompt import Prompt
from optimizer.report import charts, evidence, pictures, view
from optimizer.report.diff import compare, spoken
from optimizer.report.facts import Facts, Part, TargetFacts, gather
from optimizer.report.growth import in_words
from optimizer.report.rows import island
from optimizer.report.table import cell, table, tiles
from optimizer.report.templating import render
from optimizer.results.migration import Migration
from optimizer.results.recommendation import Recommendation


def as_page(migration: Migration, facts: Facts | None = None) -> str:
    """The report as one self-contained HTML page."""
    facts = facts or gather(migration)
    return render(
        "report/page.html",
        script=(files("optimizer.report") / "page.js").read_text("utf-8"),
        run=migration,
        rows=island(migration),
        targets=[_target(migration, one) for one in facts.targets],
        side_by_side=_side_by_side(facts, facts.recommendation) if facts.recommendation else None,
        agreed=facts.agreed,
        total=migration.spent.dollars,
        calls=migration.spent.calls,
        retries=migration.spent.retries,
        expected=migration.reckoned,
        wasted=migration.spent.wasted,
        wasted_dollars=migration.spent.wasted_dollars,
    )


def _side_by_side(facts: Facts, found: Recommendation) -> dict[str, Any]:
    source = facts.targets[0].result.confirmation.source
    return {
        "found": found,
        "rows": [_compared(found, one) for one in facts.targets],
        "picture": pictures.targets(found, source.quality),
    }


def _compared(found: Recommendation, one: TargetFacts) -> dict[str, Any]:
    picks = {"recommended": found.recommended, "best quality": found.best}
    picks |= {"cheapest": found.cheapest, "fastest": found.fastest}
    row = next(target for target in found.targets if target.model == one.result.model)
    by_key = {measure.key: cell(measure.migrated, measure.unit) for measure in one.measures}
    return {
        "model": row.model,
        "verdict": row.verdict.value,
        "n": by_key["quality"].n,
        "cells": [by_key[key] for key in ("quality", "cost_per_1000", "latency_mean")],
        "objective": "not recorded" if math.isnan(row.objective) else f"{row.objective:.3f}",
        "picked": ", ".join(name for name, model in picks.items() if model == row.model),
    }


def _target(migration: Migration, one: TargetFacts) -> dict[str, Any]:
    result = one.result
    decision, comparison = result.decision, result.decision.comparison
    rows = table(one.measures)
    return {
        "result": result,
        "verdict": decision.verdict.value,
        "table": rows,
        "tiles": tiles(rows),
        "checks": view.checks(result),
        "again": one.again and cell(one.again, "score"),
        "interval": charts.interval(comparison.mean, comparison.low, comparison.high, decision.margin),
        "slices": evidence.slice_rows(result),
        "worse": evidence.worse_slices(migration, result),
        "figures": evidence.figure_rows(result),
        "judges": evidence.judge_facts(result),
        "review": one.review,
        "parts": [_part(part) for part in one.parts],
        "bars": one.parts and pictures.parts(one.parts),
        "growth": one.growth and {"words": in_words(one.growth), "picture": pictures.growth(one.growth)},
        "stages": [evidence.stage_cells(row) for row in one.stages],
        "moves": one.moves,
        "held_out": len(result.confirmation.source.outputs),
        "sought": _search(migration.prompt, one) if migration.prompt and result.search.trials else None,
    }


def _part(part: Part) -> dict[str, Any]:
    sides = [cell(side, "score") if side else None for side in (part.source, part.unchanged, part.migrated)]
    return {"name": part.name, "sides": sides, "n": sides[2].n if sides[2] else 0}


def _search(before: Prompt, one: TargetFacts) -> dict[str, Any]:
    """What was tried, and the prompt that came of it; none of it where outputs were recorded elsewhere."""
    found, winner = one.result.search, one.result.search.winner
    spread = view.spread(found.trials, found.best)
    front = view.front(found.trials)
    quality = next(measure for measure in one.measures if measure.key == "quality")
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
            words=f"Quality against cost of {len(spread)} candidates; on the Pareto front: "
            f"{', '.join(f'trial {trial.number}' for trial in front)}.",
            steps=[(1000 * (trial.cost or 0.0), trial.quality or 0.0) for trial in front],
            rules=[(one.result.confirmation.source.quality, "source")],
        ),
        "front": [trial.number for trial in front],
        "programs": sorted({trial.program for trial in found.trials}),
        "changed": view.changed(found.trials[0], winner),
        "optimistic": winner.quality is not None and f"{winner.quality:.3f}",
        "held_out": cell(quality.migrated, "score"),
        "diff": compare(spoken(before), spoken(winner.prompt)),
    }
