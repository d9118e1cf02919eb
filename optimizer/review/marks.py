"""`marks.jsonl`: what people gave each answer, in the form in which the next task's `data.human` takes it.

So a team checks its judge against its own reviewers. A row is one answer to one example, with the mean of its marks;
`inputs` guards against an id that has become another example's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from optimizer.results.records import as_lines, plain
from optimizer.results.rundir import RunDir, write_whole
from optimizer.review.pairs import Blind
from optimizer.review.weighing import Review
from optimizer.types import Example


@dataclass
class _Marked:
    """One answer; `marks`: from 0 to 1."""

    example: Example
    models: dict[str, None] = field(default_factory=dict)
    reviewers: dict[str, None] = field(default_factory=dict)
    marks: list[float] = field(default_factory=list)


def path_of(run: RunDir) -> Path:
    return run.path / "marks.jsonl"


def keep(run: RunDir, found: Sequence[tuple[Blind, Review]]) -> None:
    """In place of an earlier one; none where nobody gave a mark. Raises RunDirError where it cannot be written."""
    if levels(found):
        write_whole(path_of(run), as_lines(_rows(str(run.manifest()["run"]["source"]), found)))
    else:
        path_of(run).unlink(missing_ok=True)


def levels(found: Sequence[tuple[Blind, Review]]) -> int:
    """How many different marks there are: their scale is 1 to this, whatever the sheets' began with. 0: no marks."""
    return max((one.levels for _, review in found for one in review.judgements if one.marks), default=0)


def told(run: RunDir, found: Sequence[tuple[Blind, Review]]) -> str:
    """Where the marks are, and how the next task names them; empty where there are none."""
    if not (most := levels(found)):
        return ""
    return (
        f"\nmarks    {path_of(run)}: to check the next run's judge by them, put it beside the task and into its `data`"
        f"\n         human: {{path: {path_of(run).name}, score: score, answer: answer, low: 1, high: {most}}}"
    )


def _rows(source: str, found: Sequence[tuple[Blind, Review]]) -> Iterator[dict[str, Any]]:
    answers: dict[tuple[str, str], _Marked] = {}
    for blind, review in found:
        met, pairs = blind.result.confirmation, {pair.example.id: pair for pair in blind.pairs}
        sides = [{output.example_id: output.text for output in side.outputs} for side in (met.source, met.winner)]
        for one in review.judgements:
            for model, texts, mark in zip((source, review.model), sides, one.marks or (), strict=False):
                example = pairs[one.example_id].example
                row = answers.setdefault((example.id, texts[example.id]), _Marked(example))
                row.models[model] = row.reviewers[one.reviewer] = None
                row.marks.append(mark)
    most = levels(found)
    for (identity, answer), row in answers.items():
        yield {
            "id": identity,
            "answer": answer,
            "score": round(1 + (most - 1) * fmean(row.marks), 6),
            "inputs": plain(row.example.inputs),
            "of": list(row.models),
            "reviewers": list(row.reviewers),
        }
