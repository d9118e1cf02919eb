"""The results: a ledger that grows row by row, and the tables made of it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import get_type_hints


@dataclass(frozen=True)
class Row:
    """One optimisation. `quality`: of the final prompt on the unseen rows; `cost`: dollars of a call with it, against one
    of the source with the original. Calls, tokens and dollars are those of the optimisation, target and proposer."""

    task: str
    method: str
    seed: int
    calls: int
    weight: float
    quality: float
    cost: float
    target_calls: int
    refused: int
    proposer_calls: int
    source_calls: int
    exam_calls: int
    input_tokens: int
    output_tokens: int
    dollars: float
    seconds: float
    note: str

    @property
    def key(self) -> tuple[str, str, int, int, float]:
        return self.task, self.method, self.seed, self.calls, self.weight


class Ledger:
    """A CSV file. What stands in it need not be measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> list[Row]:
        if not self._path.exists():
            return []
        kinds = get_type_hints(Row)
        with self._path.open(encoding="utf-8", newline="") as file:
            return [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]

    def keys(self) -> set[tuple[str, str, int, int, float]]:
        return {row.key for row in self.rows()}

    def add(self, row: Row) -> None:
        self._path.parent.mkdir(exist_ok=True)
        new = not self._path.exists()
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(field.name for field in fields(Row))
            writer.writerow(getattr(row, field.name) for field in fields(Row))


def as_markdown(rows: Sequence[Row], calls: int, weight: float) -> str:
    del rows, calls, weight
    return ""
