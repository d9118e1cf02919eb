"""What a bundle says for itself: what was measured, on what, how, at which prices, and what it took to find out.

Equal runs have equal evidence, so no time of day is in it. What was not measured is null, never 0.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.config.model_settings import ModelSettings
from optimizer.config.scoring import MetricSettings
from optimizer.errors import ConfigError
from optimizer.metrics.building import names_of
from optimizer.metrics.judges.judge import wording
from optimizer.metrics.whole import mean_bounds
from optimizer.models.money.prices import Price
from optimizer.objective import Evaluation
from optimizer.pricing import origin_of_prices, price_of
from optimizer.results.migration import Migration, TargetResult
from optimizer.results.records import as_json, plain
from optimizer.types import Example


def evidence(migration: Migration, result: TargetResult) -> dict[str, Any]:
    met, settings, confidence = result.confirmation, migration.settings, result.decision.confidence
    sides = {"source": met.source, "source_again": met.again, "unchanged": met.unchanged, "migrated": met.winner}
    held_out = {name: figures(side, confidence) for name, side in sides.items() if side}
    return {
        "decision": plain(result.decision),
        "examples": {part: len(ids) for part, ids in migration.split.items()},
        "split_ids": {part: list(ids) for part, ids in migration.split.items()},
        "data_sha256": digest([_content(example) for example in migration.examples.values()]),
        "held_out_ids_sha256": digest(list(migration.split["test"])),
        "held_out": held_out,
        "self_agreement": _self_agreement(met.source, met.again, confidence),
        "growth": _growth(held_out),
        "break_even": _break_even(migration, result, held_out),
        "search": {
            "trials": len(result.search.trials),
            "winner": {"trial": result.search.best, "program": result.search.winner.program},
            "stopped_by": result.search.stopped_by,
        },
        "objective": settings.get("objective", {}),
        "constraints": settings.get("constraints", {}),
        "metrics": plain(settings.get("metrics", ())),
        "judges": _judges(settings),
        "prices": migration.prices,
        "prices_per_million": prices(migration, result.model),
        "seeds": {"search": _seed(settings, "search"), "split": _seed(settings, "split")},
        "spend": plain(migration.spend),
        "versions": dict(migration.versions),
    }


def figures(evaluation: Evaluation, confidence: float) -> dict[str, Any]:
    """Means and percentiles; `low` and `high` are one-sided bounds of the quality, each at `confidence`."""
    bounds = mean_bounds([mark.value for _, mark in evaluation.scored], confidence=confidence)
    found = {
        "quality": evaluation.quality,
        "low": bounds[0] if bounds else None,
        "high": bounds[1] if bounds else None,
        "valid": evaluation.valid,
        "declined": evaluation.refused,
        "cost_per_1000": 1000 * evaluation.cost,
        "latency_mean": evaluation.latency,
        "latency_median": evaluation.median_latency,
        "latency_p95": evaluation.p95_latency,
        "input_tokens": evaluation.input_tokens,
        "output_tokens": evaluation.output_tokens,
    }
    return {name: None if value is not None and math.isnan(value) else value for name, value in found.items()}


def example_digest(example: Example) -> str:
    """By which a held-out example is known again without being shipped."""
    return digest(_content(example))


def _rates(price: Price) -> dict[str, Any]:
    """With `call` only where calls have a price."""
    return {name: rate for name, rate in plain(price).items() if name != "call" or rate}


def digest(value: Any) -> str:
    return hashlib.sha256(as_json(value).encode()).hexdigest()


def prices(migration: Migration, target: str) -> dict[str, Any] | None:
    """Dollars per million tokens of source and target; None where the table of the run is no longer at hand."""
    sections = [ModelSettings(**migration.settings["source"]), section_of(migration, target)]
    if origin_of_prices((sections[0], *_targets(migration))) != migration.prices:
        return None
    try:
        return dict(zip(("source", "target"), (_rates(price_of(section)) for section in sections), strict=True))
    except ConfigError:  # a source that was recorded may have no price
        return None


def _content(example: Example) -> list[Any]:
    return [example.id, plain(example.inputs), example.expected]


def _self_agreement(first: Evaluation, again: Evaluation | None, confidence: float) -> dict[str, Any] | None:
    """In how many of its answers the source, asked twice, said the same; None where it was not."""
    if again is None:
        return None
    rows = zip(first.outputs, again.outputs, strict=True)
    same = [
        float((a.status, a.value, a.value is None and a.text) == (b.status, b.value, b.value is None and b.text))
        for a, b in rows
        if "failed" not in (a.status, b.status)
    ]
    bounds = mean_bounds(same, confidence=confidence)
    low, high = bounds or (None, None)
    return {"share": sum(same) / len(same) if same else None, "low": low, "high": high, "n": len(same)}


def _growth(held_out: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Input tokens of a call against those with the unchanged prompt on the target, and against the source's."""
    return {
        f"input_tokens_to_{side}": _ratio(held_out["migrated"]["input_tokens"], held_out[side]["input_tokens"])
        for side in ("unchanged", "source")
        if side in held_out
    }


def _break_even(
    migration: Migration, result: TargetResult, held_out: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """At which price of the target's tokens a call would cost what it costs with the source: `factor` times today's."""
    factor = _ratio(held_out["source"]["cost_per_1000"], held_out["migrated"]["cost_per_1000"])
    known = prices(migration, result.model)
    if factor is None:
        return None
    target = known["target"] if known else {}
    return {"factor": factor, **{name: factor * target[name] for name in ("input", "output") if name in target}}


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _judges(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who judged, with what wording (its hash). Libraries that word themselves are told by `versions`."""
    panel: Sequence[Mapping[str, Any]] = [settings["judge"]] if settings.get("judge") else settings.get("judges") or ()
    specs = [MetricSettings(**metric) for metric in settings.get("metrics", ())]
    named = zip(names_of(specs), specs, strict=True)
    worded = {name: wording(spec.name, spec.options.get("rubric")) for name, spec in named}
    hashes = {name: digest(text) for name, text in worded.items() if text}
    return [{"model": judge["model"], "params": judge.get("params", {}), "prompt_sha256": hashes} for judge in panel]


def _seed(settings: Mapping[str, Any], section: str) -> Any:
    return (settings.get(section) or {}).get("seed")


def _targets(migration: Migration) -> list[ModelSettings]:
    return [ModelSettings(**section) for section in migration.settings["targets"]]


def section_of(migration: Migration, model: str) -> ModelSettings:
    """The task file's section on one of the targets."""
    return next(section for section in _targets(migration) if section.model == model)
