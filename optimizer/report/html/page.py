"""Fills the page's template; every value is escaped on its way in."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

from optimizer.report.figures.facts import Facts, Part, TargetFacts, gather
from optimizer.report.figures.growth import in_words
from optimizer.report.html import charts, pictures
from optimizer.report.html.rows import island
from optimizer.report.html.templating import render
from optimizer.report.html.trials import sought
from optimizer.report.tables import evidence
from optimizer.report.tables.table import cell, table, tiles
from optimizer.results.migration import Migration
from optimizer.results.recommendation import Recommendation


def as_page(migration: Migration, facts: Facts | None = None) -> str:
    """The report as one self-contained HTML page."""
    facts = facts or gather(migration)
    return render(
        "report/html/page.html",
        script=(files("optimizer.report.html") / "page.js").read_text("utf-8"),
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
        "checks": evidence.checks(result),
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
        "sought": sought(migration.prompt, one) if migration.prompt and result.search.trials else None,
    }


def _part(part: Part) -> dict[str, Any]:
    sides = [cell(side, "score") if side else None for side in (part.source, part.unchanged, part.migrated)]
    return {"name": part.name, "sides": sides, "n": sides[2].n if sides[2] else 0}
