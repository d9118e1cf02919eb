"""What a command line says of a comparison, in the words of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.config.comparison import Columns
from optimizer.errors import ConfigError


def as_sections(
    *,
    source: str | None = None,
    target: Sequence[str] = (),
    source_output: str | None = None,
    target_output: str | None = None,
    model_column: str | None = None,
    identity: str | None = None,
    expected: str | None = None,
    metric: Sequence[str] = (),
    column: Mapping[str, str] | None = None,
    scale: tuple[float, float] | None = None,
    margin: float | None = None,
    confidence: float | None = None,
) -> dict[str, Any]:
    """Raises ConfigError for a column's key that is none."""
    sides: dict[str, dict[str, Any]] = {"source": {"model": source, "output": source_output}, "target": {}, "": {}}
    sides["target"] = {"model": target[0] if target else None, "output": target_output}
    for key, name in (column or {}).items():
        side, _, amount = key.rpartition(".")
        if side not in sides or amount not in Columns.model_fields:
            known = ", ".join(Columns.model_fields)
            raise ConfigError(f"--column {key}={name}: {key!r} is no column's key; known are {known}, target.cost ...")
        sides[side][amount] = name
    given: dict[str, Any] = {
        "data": {"model": model_column, "id": identity, "expected": expected},
        "source": sides["source"],
        "target": sides["target"],
        "columns": sides[""],
        "metrics": list(metric),
        "scores": {"score": dict(zip(("low", "high"), scale, strict=True))} if scale else None,
        "decision": {"margin": margin, "confidence": confidence},
    }
    if len(target) > 1:
        given["targets"] = [{**given.pop("target"), "model": name} for name in target]
    return _filled(given)


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    found = {key: _filled(value) if isinstance(value, Mapping) else value for key, value in given.items()}
    return {key: value for key, value in found.items() if value not in (None, [], {})}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, section by section; a text in place of a section is its first key."""
    laid = dict(below)
    for key, value in above.items():
        known = laid.get(key)
        if isinstance(known, str) and isinstance(value, Mapping):
            known = {"path" if key == "data" else "model": known}
        laid[key] = merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return laid
