"""Plain tables: CSV, TSV, JSONL, Parquet, or a JSON array of objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer.data import ENDINGS, read_files
from optimizer.data.parsing import MAX_CELL
from optimizer.importers.parsing.files import Source
from optimizer.importers.recover import question
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.types import JSON

#: Columns that by their name hold a right answer, in the order in which they are looked for.
GOLD = (
    "expected",
    "expected_output",
    "gold",
    "ground_truth",
    "reference",
    "label",
    "answer",
    "target",
    "ideal",
    "output",
    "outputs",
)
_IDS = ("id", "sample_id", "example_id", "uid")
_MOST = 12


def rows_of_table(source: Source) -> Sequence[dict[str, JSON]]:
    """Raises DataError for what is no table."""
    if source.ending in ENDINGS:
        return [row.values for row in read_files([source.path]).rows]
    found = []
    for place, value in source.items:
        if not isinstance(value, dict):
            raise ImportFault(
                f"{source.name}: {place}: must be an object with a key for each column, found {type(value).__name__}"
            )
        found.append(dict(value))
    return found


def looks(source: Source) -> bool:
    """Whatever has rows: asked only where no other format fits."""
    if source.ending not in ENDINGS and not (source.ending == ".json" and isinstance(source.json, list)):
        return False
    return bool(rows_of_table(source))


def read(source: Source, _wish: Wish) -> Draft:
    found = _flat(rows_of_table(source))
    if not found:
        raise ImportFault(f"{source.name}: has no rows; put one example on each line")
    names = list(dict.fromkeys(name for row in found for name in row))
    columns: dict[str, Any] = {}
    identity = next((name for name in _IDS if name in names and _unique(found, name)), None)
    gold = next((name for name in GOLD if name in names), None)
    if identity:
        columns["id"] = identity
    if gold:
        columns["expected"] = gold
    inputs = [
        name for name in names if name not in (identity, gold) and all(row.get(name) is not None for row in found)
    ]
    if not inputs:
        raise ImportFault(
            f"{source.name}: has no column that every row fills, besides its id and answer; a prompt needs one"
        )
    if any(len(value) > MAX_CELL for row in found for value in row.values() if isinstance(value, str)):
        raise ImportFault(
            f"{source.name}: has a value of more than {MAX_CELL:,} characters; shorten it, or drop the row"
        )
    asks = [name for name in inputs if name.replace("_", "a").isalnum() and not name[0].isdigit()][:_MOST]
    return Draft(
        format=FORMAT.name,
        turns=question(asks) if asks else (),
        rows=tuple(found),
        columns=columns,
        todos=(f"the column {gold!r} was taken for the right answer, by its name",) if gold else (),
        prompt_todos=("the file holds examples, but no prompt: put its text in place of the stand-in",),
    )


def _flat(rows: Sequence[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """{"inputs": {...}, "outputs": ...}, or "expectations", with the inputs' keys as columns."""
    found = []
    for row in rows:
        inputs, outputs = row.get("inputs"), row.get("outputs", row.get("expectations"))
        if isinstance(inputs, dict) and not inputs.keys() & row.keys() - {"inputs"}:
            flat: dict[str, JSON] = {
                **{k: v for k, v in row.items() if k not in ("inputs", "outputs", "expectations")},
                **inputs,
            }
            one = isinstance(outputs, dict) and len(outputs) == 1
            flat |= {} if outputs is None else {"expected": next(iter(outputs.values())) if one else outputs}  # type: ignore[union-attr]
            found.append(flat)
        else:
            found.append(row)
    return found


def _unique(rows: Sequence[dict[str, JSON]], name: str) -> bool:
    values = [row.get(name) for row in rows]
    good = all(isinstance(value, str | int) and not isinstance(value, bool) and value != "" for value in values)
    return good and len({str(value) for value in values}) == len(values)


FORMAT = Format("table", "plain CSV, TSV, JSONL, Parquet or JSON rows", looks, read, rows=rows_of_table)
