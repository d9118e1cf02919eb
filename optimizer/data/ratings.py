"""What people thought of answers: scores from a column, brought to 0 to 1."""

from __future__ import annotations

import json
import math

from optimizer.config.sections import Human
from optimizer.data.columns import MISSING, Problems, as_text, pick
from optimizer.data.rows import Table
from optimizer.errors import DataError
from optimizer.types import Example


def read_ratings(human: Human, table: Table, examples: tuple[Example, ...]) -> dict[str, tuple[float, str | None]]:
    """People's scores from 0 to 1, with the answer that they are of (None: the source's), by example id.

    Rows without a score are left out. Raises DataError for what is none.
    """
    problems, found = Problems(), dict[str, tuple[float, str | None]]()
    for row, example in zip(table.rows, examples, strict=True):
        value = pick(row, human.score)
        if value is MISSING or value is None or value == "":
            continue
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not human.low <= number <= human.high:
            wanted = f"a score from {human.low:g} to {human.high:g} (data.human.low, high)"
            problems.add(f"{row.place}, field {human.score!r}: must be {wanted}, found {json.dumps(value)[:60]}")
            continue
        answer = pick(row, human.answer) if human.answer else None
        said = None if answer is None or answer is MISSING else as_text(answer)
        if said is not None or not human.answer:
            found[example.id] = ((number - human.low) / (human.high - human.low), said)
    problems.raise_any()
    if not found:
        raise DataError(f"{table.name}: the column {human.score!r} holds no score; leave data.human out")
    return found
