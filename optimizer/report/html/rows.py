"""Every held-out example as data for the page's script: what was asked, answered and scored, side by side.

Texts stand once in one list, and rows point to them: with 5,000 examples the browser has one thing to parse and draws
only what is looked at. Long texts are cut so that the page stays small; each says how long it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optimizer.prompt.media import shown
from optimizer.report.figures.texts import cut
from optimizer.results.migration import Migration, TargetResult
from optimizer.types import Output, Score, as_text
from optimizer.verdict.slices import CLUSTER, find_slices, text_of

_PAGE = 12_000_000  # characters of texts that the page may hold
_LONGEST, _SHORTEST = 4_000, 240
_VALUES = 60  # different values of a column beyond which it is no filter


def island(migration: Migration) -> str:
    """JSON that may stand inside a script element, whatever its texts hold."""
    total = sum(4 * len(result.confirmation.source.outputs) for result in migration.targets)
    texts = _Texts(max(_SHORTEST, min(_LONGEST, _PAGE // max(1, total))))
    targets = [_target(migration, result, texts) for result in migration.targets]
    return embedded({"targets": targets, "texts": texts.list})


def embedded(value: Any) -> str:
    """No `<`, `>` or `&` and no odd line separator: such a text can neither end its element nor begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


class _Texts:
    def __init__(self, limit: int) -> None:
        self.list: list[str] = []
        self._limit = limit
        self._known: dict[str, int] = {}

    def __call__(self, value: Any) -> int:
        text = cut(shown(value) if isinstance(value, str) else as_text(value), self._limit)
        if text not in self._known:
            self._known[text] = len(self.list)
            self.list.append(text)
        return self._known[text]


def _target(migration: Migration, result: TargetResult, texts: _Texts) -> dict[str, Any]:
    met = result.confirmation
    ids = [output.example_id for output in met.source.outputs]
    slices = slices_of(migration, result, ids)
    member: dict[str, list[int]] = {}
    for place, members in enumerate(slices.values()):
        for identity in members:
            member.setdefault(identity, []).append(place)
    rows = []
    for at, identity in enumerate(ids):
        example = migration.examples[identity]
        rows.append(
            {
                "id": texts(identity),
                "in": [[texts(name), texts(value)] for name, value in example.inputs.items()],
                "gold": -1 if example.expected is None else texts(example.expected),
                "a": _side(met.source.outputs[at], met.source.scores[at], met.source.unmeasured, texts),
                "b": _side(met.winner.outputs[at], met.winner.scores[at], met.winner.unmeasured, texts),
                "s": member.get(identity, []),
            }
        )
    return {"rows": rows, "slices": list(slices)}


def _side(output: Output, mark: Score, unmeasured: Iterable[str], texts: _Texts) -> list[Any]:
    """[text, score, status, why, seconds, dollars, parts]; null: not measured, or no answer to score."""
    failed = output.status == "failed"
    parts = [[texts(name), _short(value)] for name, value in mark.parts.items()]
    return [
        texts(output.text),
        None if failed else _short(mark.value),
        output.status,
        texts(output.error or mark.feedback or ""),
        None if failed or "latency" in unmeasured else _short(output.latency),
        None if failed or "cost" in unmeasured else _short(output.cost),
        parts,
    ]


def slices_of(migration: Migration, result: TargetResult, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The examples of each part by its name: of those that were looked at, and of small ones that have a name."""
    found: dict[str, list[str]] = {}
    for column, values in migration.columns.items():
        own = {identity: values.get(identity, "") for identity in ids}
        if 1 < len(kinds := dict.fromkeys(value for value in own.values() if value)) <= _VALUES:
            for kind in kinds:
                found[f"{column} = {kind}"] = [identity for identity, value in own.items() if value == kind]
    if any(part.column == CLUSTER for part in result.decision.slices):
        named = {part.name for part in result.decision.slices}
        texts = [text_of(migration.examples[identity]) for identity in ids]
        for cluster in find_slices(texts, {}, **_wanted(migration)):
            if (name := f"{cluster.column} {cluster.value}") in named:
                found[name] = [ids[place] for place in cluster.members]
    return found


def _wanted(migration: Migration) -> dict[str, Any]:
    known = migration.settings.get("slices", {})
    return {"clusters": known.get("clusters"), **({"least": known["least"]} if "least" in known else {})}


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")
