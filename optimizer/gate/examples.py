"""Which examples the gate asks about, what each is held against, and how it scored when the bundle was sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer import reader
from optimizer.errors import DataError, ExportError
from optimizer.exporters.bundle.evidence import example_digest
from optimizer.exporters.bundle.sealing import HELD_OUT
from optimizer.exporters.bundle.verifying import Verified
from optimizer.task import Task
from optimizer.types import Example, Output

_LEAST = 2
_STATUS = {"enum": ["ok", "invalid", "refused", "failed"]}
_SOURCE = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "value": {}, "status": _STATUS, "error": {"type": ["string", "null"]}},
    "required": ["text", "status"],
    "additionalProperties": False,
}
_FORM: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "sha256": {"type": "string"},
            "score": {"type": ["number", "null"]},
            "status": _STATUS,
            "source": _SOURCE,
        },
        "required": ["id", "sha256", "score", "status"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True)
class Sealed:
    """`scores`: the sealed score by example id; none of new examples. `references`: what the source answered."""

    examples: tuple[Example, ...]
    references: Mapping[str, Output]
    scores: Mapping[str, float]
    new: bool = False


def from_bundle(task: Task, found: Verified) -> Sealed:
    """The held-out examples, found in the task's data by their ids. Raises DataError where they are not the same."""
    rows = _rows(found)
    known = {example.id: example for example in task.examples}
    lost = [str(row["id"]) for row in rows if row["id"] not in known]
    if lost:
        raise DataError(
            f"{len(lost)} of {len(rows)} held-out examples are not in the task's data, first {lost[0]!r}: give the "
            "data that the bundle was made from, or other examples with --new"
        )
    changed = [str(row["id"]) for row in rows if example_digest(known[row["id"]]) != row["sha256"]]
    if changed:
        raise DataError(
            f"{len(changed)} of {len(rows)} held-out examples have changed since the bundle was sealed, first "
            f"{changed[0]!r}: give the data that it was made from, or other examples with --new"
        )
    references = {row["id"]: Output(row["id"], **row["source"]) for row in rows if "source" in row}
    scores = {row["id"]: float(row["score"]) for row in rows if row["score"] is not None}
    return Sealed(tuple(known[row["id"]] for row in rows), references, scores)


def from_new(task: Task, found: Verified) -> Sealed:
    """Examples that the bundle knows nothing of. Raises DataError where they have nothing to be held against."""
    if len(task.examples) < _LEAST:
        raise DataError(f"--new: {len(task.examples)} example; give ten or more, fewer give no verdict")
    lacking = [e.id for e in task.examples if e.expected is None]
    if lacking and task.recorded is None and any("source" in row for row in _rows(found)):
        raise DataError(
            f"--new: {len(lacking)} examples have no gold answer, first {lacking[0]!r}, and the metrics hold answers "
            "against the source's: give gold answers, or a column with what the source answered (data.source)"
        )
    _refuse_unfit(found.bundle, task.examples)
    return Sealed(task.examples, task.recorded or {}, {}, new=True)


def _refuse_unfit(bundle: Mapping[str, Any], examples: Sequence[Example]) -> None:
    """What the bundle's reader would refuse is told of all examples at once, before the first is paid for."""
    found = [(one.id, problem) for one in examples if (problem := _unfit(bundle, one))]
    if found:
        raise DataError(
            f"--new: {len(found)} of {len(examples)} examples do not fit the bundle, first {found[0][0]!r}: "
            f"{found[0][1]}; its reader refuses them too: mend the data, or migrate with examples of this kind"
        )


def _unfit(bundle: Mapping[str, Any], example: Example) -> str:
    own = {name: example.inputs[name] for name in bundle["variables"] if name in example.inputs}
    try:
        reader.given(dict(bundle), own)
    except ValueError as problem:
        return str(problem)
    return ""


def _rows(found: Verified) -> list[dict[str, Any]]:
    try:
        lines = found.files[HELD_OUT].decode().split("\n")  # no other line break ends a row: texts may hold them
        rows = [json.loads(line) for line in lines if line]
        problem = reader.mismatch(rows, _FORM) or ("" if rows else "no row")
        scores = [row["score"] for row in rows if not problem and row["score"] is not None]
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{HELD_OUT}: not in the form of a bundle ({error}); write the bundle anew") from error
    if problem or not all(0 <= score <= 1 for score in scores):
        raise ExportError(f"{HELD_OUT}: {problem or 'a score is not between 0 and 1'}; write the bundle anew")
    return rows
