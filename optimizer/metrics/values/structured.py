"""JSON replies, field by field."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from optimizer.errors import ConfigError, DataError, nearest
from optimizer.metrics.standard import Against, Compared, brief, written
from optimizer.metrics.texts.matching import subsequence_overlap, token_overlap
from optimizer.metrics.texts.overlap import set_f1
from optimizer.metrics.values.labels import bare
from optimizer.metrics.values.numeric import TOLERANCE, candidates, check_tolerances, near, quantities
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, Output, Score

Comparator = Callable[[JSON, JSON], float]
_ABSENT = object()


@dataclass(frozen=True)
class Field:
    """`name` is a key, or a path of keys with dots."""

    name: str
    compare: Comparator
    weight: float = 1.0

    def of(self, value: Any) -> Any:
        if isinstance(value, Mapping) and self.name in value:
            return value[self.name]
        for key in self.name.split("."):
            if not isinstance(value, Mapping) or key not in value:
                return _ABSENT
            value = value[key]
        return value


def json_fields(
    *,
    fields: Mapping[str, Any] | None = None,
    weights: Mapping[str, float] | None = None,
    against: Against = "auto",
    contract: Contract | None = None,
) -> Compared:
    """The weighted mean over the fields of a JSON object, each compared in its own way.

    `fields` maps a field ("address.city" for one further down) to the name of a comparator, or to
    {compare: name, weight: 2, ...its options}. Without it every field of the reply's schema counts: choices as
    labels, lists as sets, numbers as numbers, texts by their words; without a schema, every field of the right
    answer. `weights`: of fields by name, 1 where nothing is said. A field that the reply lacks scores 0; one that the
    right answer leaves out is not scored.
    """
    chosen = dict(fields) if fields else _by_schema(contract.schema or {}) if contract else {}
    heavy = dict(weights or {})
    for name, weight in heavy.items():
        if chosen and name not in chosen:
            raise ConfigError(f"metric 'json_fields': weights.{name}: no such field.{nearest(name, chosen)}")
        _field(name, "any", weight)
    known = tuple(_field(name, spec, heavy.get(name, 1.0)) for name, spec in chosen.items())
    return Compared(partial(_score, known, heavy), against)


def _score(known: tuple[Field, ...], heavy: Mapping[str, float], output: Output, answer: JSON) -> Score:
    want = _parsed(answer)
    if not isinstance(want, dict) or not want:
        raise DataError(f"the right answer must be a JSON object with fields, found {brief(answer)}")
    have = _parsed(output.text if output.value is None else output.value)
    if not isinstance(have, dict):
        return Score(0.0, f"the reply is no JSON object: {brief(output.text)}")
    fields = known or tuple(_field(name, _comparator_of(value), heavy.get(name, 1.0)) for name, value in want.items())
    judged = [(field, field.of(have), field.of(want)) for field in fields if field.of(want) is not _ABSENT]
    if not judged:
        names = ", ".join(field.name for field in fields)
        raise DataError(f"the right answer has none of the fields {names}: {brief(answer)}")
    parts = {field.name: _part(field, ours, right) for field, ours, right in judged}
    total = math.fsum(field.weight for field, _, _ in judged)
    value = math.fsum(field.weight * parts[field.name] for field, _, _ in judged) / total
    wrong = [_told(field.name, ours, right) for field, ours, right in judged if parts[field.name] < 1]
    return Score(min(1.0, value), "; ".join(wrong), parts)


def _part(field: Field, ours: Any, right: Any) -> float:
    """Null says "nothing there", as a missing field does."""
    ours = None if ours is _ABSENT else ours
    if ours is None or right is None:
        return float(ours is right)
    return field.compare(ours, right)


def _told(name: str, ours: Any, right: Any) -> str:
    if ours is _ABSENT:
        return f"{name}: missing, expected {brief(right)}"
    if isinstance(ours, list) and isinstance(right, list):
        lacking, extra = sorted(_items(right) - _items(ours)), sorted(_items(ours) - _items(right))
        found = [
            f"{word} {', '.join(map(brief, items))}" for word, items in (("lacks", lacking), ("adds", extra)) if items
        ]
        if found:
            return f"{name}: {' and '.join(found)}"
    return f"{name}: expected {brief(right)}, got {brief(ours)}"


def _parsed(value: JSON) -> JSON:
    """JSON that a table holds as text is read as what it says."""
    if not isinstance(value, str):
        return value
    try:
        found: JSON = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found


def _items(value: JSON) -> set[str]:
    items = value if isinstance(value, list) else [value]
    return {" ".join(_canonical(item).casefold().split()) for item in items}


def _canonical(value: JSON) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: JSON) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)


def _plain(value: JSON) -> JSON:
    """With 2.0 as 2: they are one number in JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _label() -> Comparator:
    return lambda ours, right: float(bare(ours) == bare(right))


def _set() -> Comparator:
    return lambda ours, right: set_f1(_items(ours), _items(right))


def _exact() -> Comparator:
    """1 and 1.0 are one number in JSON; true is none."""
    return lambda ours, right: float(_json(ours) == _json(right))


def _any() -> Comparator:
    return lambda _ours, _right: 1.0


def _numeric(tolerance: float = TOLERANCE, absolute: float = 0.0) -> Comparator:
    check_tolerances(tolerance, absolute)

    def compare(ours: JSON, right: JSON) -> float:
        wanted = quantities(right)
        if not wanted:  # "n/a" where a number would stand
            return float(bare(ours) == bare(right))
        found = candidates(quantities(ours), wanted[0], "first")
        return float(any(near(one, wanted[0], tolerance, absolute) for one in found))

    return compare


def _texts(similar: Callable[[str, str], float]) -> Callable[[], Comparator]:
    return lambda: lambda ours, right: similar(written(ours), written(right))


COMPARATORS: Mapping[str, Callable[..., Comparator]] = {
    "label": _label,
    "set": _set,
    "exact": _exact,
    "numeric": _numeric,
    "token_f1": _texts(token_overlap),
    "rouge_l": _texts(subsequence_overlap),
    "any": _any,
}


def _field(name: str, spec: Any, weight: Any) -> Field:
    return made_field("json_fields", "fields", name, spec, weight)


def made_field(metric: str, place: str, name: str, spec: Any, weight: Any = 1.0) -> Field:
    """A field by what the task file says of it. Raises ConfigError with the place."""
    place = f"metric {metric!r}: {place}.{name}"
    options = {"compare": spec} if isinstance(spec, str) else dict(spec) if isinstance(spec, Mapping) else {}
    chosen = options.pop("compare", None)
    weight = options.pop("weight", weight)
    if not isinstance(chosen, str) or chosen not in COMPARATORS:
        hint = nearest(str(chosen), COMPARATORS)
        raise ConfigError(f"{place}: {chosen!r} is no comparator.{hint} Known: {', '.join(COMPARATORS)}")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ConfigError(f"{place}: the weight must be a number above 0, found {weight!r}")
    known = [*inspect.signature(COMPARATORS[chosen]).parameters]
    for option in options:
        if option not in known:
            listed = ", ".join(["compare", "weight", *known])
            raise ConfigError(f"{place}: no option is called {option!r}.{nearest(option, known)} Known: {listed}")
    return Field(name, COMPARATORS[chosen](**options), float(weight))


def _by_schema(schema: Mapping[str, Any], above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, spec in schema.get("properties", {}).items():
        if spec.get("properties"):
            found |= _by_schema(spec, f"{above}{name}.")
        else:
            found[above + name] = _comparator_for(spec)
    return found


def _comparator_for(spec: Mapping[str, Any]) -> str:
    kinds = spec.get("type")
    kind = next((k for k in kinds if k != "null"), None) if isinstance(kinds, list) else kinds
    if "enum" in spec or kind == "boolean":
        return "label"
    return {"array": "set", "number": "numeric", "integer": "numeric", "string": "token_f1"}.get(str(kind), "exact")


def _comparator_of(value: JSON) -> str:
    if isinstance(value, bool):
        return "label"
    if isinstance(value, int | float):
        return "numeric"
    return "set" if isinstance(value, list) else "token_f1" if isinstance(value, str) else "exact"
