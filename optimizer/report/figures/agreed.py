"""What was settled before anything was measured, each with a hash by which anyone can see that it is still the same.

Files of the run directory are named with the SHA-256 of their bytes (`sha256sum RUN/examples.jsonl` says the same);
settings with that of their JSON, keys sorted, no spaces.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.results import records
from optimizer.results.migration import Migration
from optimizer.results.records import plain
from optimizer.types import as_text

_SETTINGS = ("source", "targets", "metrics", "decision", "constraints", "slices", "stages")


@dataclass(frozen=True)
class Agreed:
    """`origin`: the file, or the keys of task.yaml, that the hash is of."""

    what: str
    told: str
    origin: str
    sha256: str


def agreed(migration: Migration) -> list[Agreed]:
    return list(_agreed(migration))


def _agreed(migration: Migration) -> Iterator[Agreed]:
    settings = migration.settings
    gold = sum(example.expected is not None for example in migration.examples.values())
    data = f"{len(migration.examples):,} examples, {gold:,} with a gold answer"
    yield Agreed("Data", data, "examples.jsonl", _sha(records.as_lines(migration.examples.values())))
    parts = ", ".join(f"{len(ids):,} {name}" for name, ids in migration.split.items())
    seed = settings.get("split", {}).get("seed")
    told = parts + (f"; seed {seed}" if seed is not None else "")
    yield Agreed("Split", told, "split.json", _sha(records.as_json(migration.split, sort=False)))
    if migration.prompt:
        yield Agreed("Prompt", "the source's own, as it was", "prompt", _of(plain(migration.prompt)))
    if metrics := settings.get("metrics"):
        yield Agreed("Metric", "; ".join(map(_metric, metrics)), "metrics", _of(metrics))
    if scores := settings.get("scores"):
        told = ", ".join(f"{name} ({found['low']:g} to {found['high']:g})" for name, found in scores.items())
        yield Agreed("Scores", f"found elsewhere: {told}", "scores", _of(scores))
    if advice := settings.get("search", {}).get("advice"):
        yield Agreed("Advice", f"{len(advice):,} characters, for the proposer", "search.advice", _of(advice))
    decision = settings.get("decision", {})
    if decision:
        told = f"{100 * decision['margin']:g} points at {100 * decision['confidence']:g} %, {_draws(decision)}"
        yield Agreed("Margin", told, "decision", _of(decision))
    limits = {name: limit for name, limit in settings.get("constraints", {}).items() if limit is not None}
    told = ", ".join(f"{name} {limit:g}" for name, limit in limits.items()) or "none"
    yield Agreed("Constraints", told, "constraints", _of(settings.get("constraints", {})))
    everything = {name: settings[name] for name in _SETTINGS if name in settings}
    everything |= {"scores": scores} if scores else {}
    yield Agreed("All of these", "models, metrics, decision, constraints, slices", "task.yaml", _of(everything))


def _metric(section: dict[str, Any]) -> str:
    options = {name: value for name, value in section.items() if name not in ("name", "weight", "against")}
    more = ", ".join(f"{name} {as_text(value)}" for name, value in options.items())
    weight = f", weight {section['weight']:g}" if section.get("weight", 1.0) != 1.0 else ""
    return f"{section['name']} against {section.get('against', 'auto')}{weight}" + (f" ({more})" if more else "")


def _draws(decision: dict[str, Any]) -> str:
    draws = decision.get("draws", 1)
    return "each example asked once" if draws == 1 else f"each example asked {draws} times"


def _of(value: Any) -> str:
    return _sha(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
