"""What people thought of answers: scores from a column of the data or of a file of their own, brought to 0 to 1."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from optimizer.config.sections import Data, Human
from optimizer.data.columns import MISSING, Problems, as_text, has_column, no_column, pick
from optimizer.data.files import read_files
from optimizer.data.rows import Row, Table
from optimizer.data.split import content_key
from optimizer.errors import DataError
from optimizer.types import Example


class Rating(NamedTuple):
    """A score from 0 to 1, and the answer that it is of (None: the source's)."""

    example: Example
    score: float
    answer: str | None


def read_apart(data: Data, folder: Path, at: Callable[..., str]) -> Table | None:
    """The file of people's scores, where they have one of their own. Raises ConfigError for a column that is not there.

    `folder`: where paths start; `at` begins an error with its place.
    """
    human = data.human
    if not human or not human.path:
        return None
    table = read_files([folder / Path(human.path).expanduser()], encoding=data.encoding)
    for key in ("score", "answer", "id"):
        if (column := getattr(human, key)) and not has_column(table, column):
            raise no_column(at("data", "human", key), column, table)
    return table


def read_ratings(
    human: Human | None, table: Table, examples: tuple[Example, ...], apart: Table | None = None
) -> tuple[list[Rating], tuple[str, ...]]:
    """People's scores in the order of their rows, and notes. `apart`: their own file, else they stand in `table`.

    Rows without a score are left out. Raises DataError for what is none.
    """
    if human is None:
        return [], ()
    if apart is None:
        return _ratings(human, zip(table.rows, examples, strict=True), table.name), ()
    pairs = list(_joined(human, apart, examples))
    lost = len(apart.rows) - len(pairs)
    if not pairs:
        raise DataError(
            f"{apart.name}: none of its ids (the first is {as_text(pick(apart.rows[0], human.id))[:40]!r}) is of an "
            "example in the data; name their column in data.human.id, and in data.id that of the data"
        )
    told = f"{lost} of {len(apart.rows)} people's scores in {apart.name} are of examples that are not in the data"
    return _ratings(human, pairs, apart.name), (told,) if lost else ()


def _joined(human: Human, table: Table, examples: tuple[Example, ...]) -> Iterator[tuple[Row, Example]]:
    """Each row with its example. Raises DataError where an id is now another example's."""
    known, problems = {example.id: example for example in examples}, Problems()
    for row in table.rows:
        example = known.get(as_text(pick(row, human.id)))
        if example is not None and _is_other(row, example):
            problems.add(
                f"{row.place}: people scored another example than the one of id {example.id!r} in the data (see "
                "`inputs`); where rows move, name a column with their ids in data.id"
            )
        elif example is not None:
            yield row, example
    problems.raise_any()


def _is_other(row: Row, example: Example) -> bool:
    """What the row says of the inputs, where it does, is not what they are; a prompt may have changed its variables."""
    said = pick(row, "inputs")
    if not isinstance(said, dict):
        return False
    shared = said.keys() & example.inputs.keys()
    return content_key({name: said[name] for name in shared}) != content_key({n: example.inputs[n] for n in shared})


def _ratings(human: Human, rows: Iterable[tuple[Row, Example]], name: str) -> list[Rating]:
    problems, found = Problems(), list[Rating]()
    for row, example in rows:
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
            found.append(Rating(example, (number - human.low) / (human.high - human.low), said))
    problems.raise_any()
    if not found:
        raise DataError(f"{name}: the column {human.score!r} holds no score; leave data.human out")
    return found
