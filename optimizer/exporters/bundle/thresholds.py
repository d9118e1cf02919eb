"""What fresh answers of the target are held against later: the thresholds of `promptport gate`, sealed with the bundle.

What the task file's constraints agreed on holds as it is. What they left open is derived from what was measured: the
quality may fall by the margin of the decision, and so may the share of valid replies; a call may cost a fifth more;
the latency, which differs from machine to machine, may double.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.exporters.bundle.evidence import example_digest, figures
from optimizer.metrics import METRICS
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import plain

DEARER, SLOWER = 1.2, 2.0
_NEEDS_SOURCE = {"preference"}  # compares with the source's answer, whatever else there is


def thresholds(migration: Migration, result: TargetResult) -> dict[str, Any]:
    """`least` and `most` are limits; null: no limit, because nothing was measured to derive one from."""
    decision, agreed = result.decision, migration.settings.get("constraints") or {}
    met = figures(result.confirmation.winner, decision.confidence)
    margin = decision.margin

    def most(name: str, agreed_as: str, factor: float) -> dict[str, Any]:
        derived = factor * met[name] if met[name] else None
        given = agreed.get(agreed_as)
        return {"sealed": met[name], "most": derived if given is None else given}

    least = agreed.get("valid")
    return {
        "margin": margin,
        "confidence": decision.confidence,
        "quality": {
            "sealed": met["quality"],
            "low": met["low"],
            "high": met["high"],
            "least": _below(met["quality"], margin),
        },
        "valid": {"sealed": met["valid"], "least": _below(met["valid"], margin) if least is None else least},
        "cost_per_1000": most("cost_per_1000", "cost_per_1000", DEARER),
        "latency_p95": most("latency_p95", "p95_latency", SLOWER),
        "figures": {
            figure.name: {"sealed": figure.migrated, "least": figure.migrated - margin}
            for figure in decision.figures
            if figure.migrated is not None
        },
    }


def held_out(migration: Migration, result: TargetResult) -> Iterator[dict[str, Any]]:
    """One row for each held-out example: its id, by what it is known again, and the sealed score.

    The example itself stays where it is. The source's answer goes along only where a metric is held against it.
    """
    winner, known = result.confirmation.winner, {output.example_id: output for output in migration.baseline}
    answered = {o.example_id: (o, mark) for o, mark in zip(winner.outputs, winner.scores, strict=True)}
    for name in migration.split["test"]:
        example = migration.examples[name]
        output, mark = answered.get(name, (None, None))
        status = output.status if output else "failed"
        row: dict[str, Any] = {"id": name, "sha256": example_digest(example), "status": status}
        row["score"] = None if mark is None or status == "failed" else mark.value
        source = known.get(example.id)
        if source and _needs_source(migration, gold=example.expected is not None):
            row["source"] = plain({name: getattr(source, name) for name in ("text", "value", "status", "error")})
        yield row


def _needs_source(migration: Migration, *, gold: bool) -> bool:
    return any(
        metric["against"] == "source"
        or not gold
        or metric["name"] in _NEEDS_SOURCE
        or metric["name"] not in METRICS  # what one's own looks at, nobody knows
        for metric in migration.settings.get("metrics", ())
    )


def _below(value: float | None, margin: float) -> float | None:
    return None if value is None else max(0.0, value - margin)
