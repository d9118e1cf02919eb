"""JSON replies, field by field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from optimizer.contract import Contract
from optimizer.errors import ConfigError, nearest
from optimizer.metrics import text
from optimizer.metrics.numeric import numeric
from optimizer.types import JSON, Score


def as_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def label(got: JSON, wanted: JSON) -> float:
    """1 where both are the same, whatever the case and the spaces around."""
    return float(as_text(got).strip().casefold() == as_text(wanted).strip().casefold())


def exact(got: JSON, wanted: JSON) -> float:
    """1 where both are the same JSON."""
    return float(got == wanted)


def set_f1(got: JSON, wanted: JSON) -> float:
    """F1 of two sets of labels; two empty sets agree."""
    have, want = _set(got), _set(wanted)
    return 2 * len(have & want) / (len(have) + len(want)) if have or want else 1.0


def _set(value: JSON) -> frozenset[str]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return frozenset(as_text(item).strip().casefold() for item in items)


def _of_texts(compare: Callable[[str, str], float]) -> Callable[[JSON, JSON], float]:
    return lambda got, wanted: compare(as_text(got), as_text(wanted))


COMPARATORS: dict[str, Callable[[JSON, JSON], float]] = {
    "label": label,
    "exact": exact,
    "set": set_f1,
    "numeric": _of_texts(numeric),
    "token_f1": _of_texts(text.token_f1),
    "rouge_l": _of_texts(text.rouge_l),
}


class JsonFields:
    """The weighted mean over the fields of a JSON object, each compared in its own way.

    `fields` maps a field to the name of a comparator; without it, every field of the contract's schema is compared:
    choices as labels, lists as sets, numbers as numbers, other texts by their words. A field that is missing scores 0.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        fields: Mapping[str, str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        chosen = dict(fields or _by_schema(contract))
        if not chosen:
            raise ConfigError(
                "metrics: json_fields needs `fields`, or a reply schema with properties to take them from"
            )
        for name, comparator in chosen.items():
            if comparator not in COMPARATORS:
                hint, known = nearest(comparator, COMPARATORS), ", ".join(COMPARATORS)
                raise ConfigError(
                    f"metrics.fields.{name}: no comparator is called {comparator!r}.{hint} Known: {known}"
                )
        for name in weights or {}:
            if name not in chosen:
                raise ConfigError(f"metrics.weights.{name}: no such field.{nearest(name, chosen)}")
        self._compare = {name: COMPARATORS[comparator] for name, comparator in chosen.items()}
        self._weights = {name: float((weights or {}).get(name, 1.0)) for name in chosen}

    def __call__(self, got: JSON, wanted: JSON) -> Score:
        have: Mapping[str, Any] = got if isinstance(got, dict) else {}
        want: Mapping[str, Any] = wanted if isinstance(wanted, dict) else {}
        parts = {
            name: compare(have[name], want.get(name)) if name in have else 0.0
            for name, compare in self._compare.items()
        }
        total = sum(self._weights.values())
        value = sum(self._weights[name] * part for name, part in parts.items()) / total
        wrong = [name for name, part in parts.items() if part < 1]
        told = (f"{name}: expected {_short(want.get(name))}, got {_short(have.get(name))}" for name in wrong)
        return Score(min(1.0, value), "; ".join(told), parts)


def _by_schema(contract: Contract) -> dict[str, str]:
    properties: Mapping[str, Mapping[str, Any]] = (contract.schema or {}).get("properties", {})
    return {name: _comparator(spec) for name, spec in properties.items()}


def _comparator(spec: Mapping[str, Any]) -> str:
    if "enum" in spec or spec.get("type") == "boolean":
        return "label"
    return {"array": "set", "number": "numeric", "integer": "numeric", "string": "token_f1"}.get(
        str(spec.get("type")), "exact"
    )


def _short(value: JSON) -> str:
    shown = repr(value) if isinstance(value, str) else as_text(value)
    return shown if len(shown) <= 120 else f"{shown[:120]}…"
