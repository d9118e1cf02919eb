"""The report for programs: `report.json`, as `report.schema.json` describes it.

`schema` names the form and its version: within a version keys are only added. What was not measured is null; a bound
that so few examples do not give is null as well. No `<`, `>` or `&` stands in it, so that it may be put into a page.
"""

from __future__ import annotations

import json
import math
from typing import Any

from optimizer.report.figures.breakdown import StageRow
from optimizer.report.figures.facts import Facts, Part, TargetFacts
from optimizer.report.figures.growth import Growth
from optimizer.report.figures.intervals import Measured
from optimizer.report.figures.measures import Measure
from optimizer.results.records import best_verdict, plain, recommendation

SCHEMA = "promptport.report/1"


def as_json(facts: Facts) -> str:
    return json.dumps(as_dict(facts), indent=1, allow_nan=False).translate(_UNSAFE) + "\n"


_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}


def as_dict(facts: Facts) -> dict[str, Any]:
    run = facts.run
    return {
        "schema": SCHEMA,
        "name": run.name,
        "kind": "migration" if run.prompt else "comparison",
        "source": run.source,
        "simulated": run.simulated,
        "verdict": best_verdict(run.targets).value,
        "recommendation": _clean(recommendation(run)),
        "targets": [_target(one) for one in facts.targets],
        "agreed": [plain(one) for one in facts.agreed],
        "split": {part: len(ids) for part, ids in run.split.items()},
        "spend": plain(run.spend),
        "prices": run.prices,
        "versions": dict(run.versions),
        "notes": list(run.notes),
    }


def _target(one: TargetFacts) -> dict[str, Any]:
    result, decision = one.result, one.result.decision
    told = _clean(plain(decision))
    return {
        "model": result.model,
        **{key: told[key] for key in ("verdict", "reason", "margin", "confidence", "comparison", "checks", "needed")},
        **{key: told[key] for key in ("noise", "family", "slices", "figures", "judges")},
        "measures": [_measure(measure) for measure in one.measures],
        "parts": [{"name": part.name, **_sides(part)} for part in one.parts],
        "stages": [_stage(row) for row in one.stages],
        "growth": _growth(one.growth),
        "review": _clean(one.review.figures) if one.review else None,
        "moves": {name: getattr(one.moves, name) for name in ("lower", "higher", "alike")},
        "worst": [case.id for case in one.moves.cases],
        "search": _search(one),
    }


def _measure(one: Measure) -> dict[str, Any]:
    about = {"key": one.key, "unit": one.unit, "more_is_better": one.up}
    return {**about, **_sides(one), "change": _measured(one.change)}


def _sides(one: Measure | Part) -> dict[str, Any]:
    sides = {"source": one.source, "unchanged": one.unchanged, "target": one.migrated}
    return {name: _measured(found) for name, found in sides.items()}


def _stage(row: StageRow) -> dict[str, Any]:
    amounts = {name: {"source": _measured(a), "target": _measured(b)} for name, (a, b) in row.sides.items()}
    return {"name": row.name, "kind": row.kind, **amounts}


def _search(one: TargetFacts) -> dict[str, Any] | None:
    found = one.result.search
    if not found.trials:
        return None
    won = found.winner
    return {
        "trials": len(found.trials),
        "winner": won.number,
        "program": won.program,
        "stopped_by": found.stopped_by,
        "validation": {"quality": won.quality, "objective": won.value, "examples": won.examples},
        "prompt": won.prompt.digest,
        "notes": list(found.notes),
    }


def _growth(found: Growth | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "n": found.n,
        "input_tokens": _clean({"source": found.source, "unchanged": found.unchanged, "target": found.migrated}),
        "factor": found.factor,
        "even_input_tokens": found.even,
        "even_price_per_million": found.even_price,
    }


def _measured(found: Measured | None) -> dict[str, Any] | None:
    """Costs are those of 1,000 calls."""
    return _clean(plain(found)) if found and not math.isnan(found.value) else None


def _clean(value: Any) -> Any:
    """JSON has no word for "not a number"."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
