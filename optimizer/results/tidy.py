"""A run's results as tidy tables, one row for each thing that was measured: for notebooks and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from optimizer.data.writing import write_parquet
from optimizer.errors import RunDirError
from optimizer.objective import Evaluation
from optimizer.results.migration import Migration
from optimizer.results.records import SIDES, plain
from optimizer.results.rundir import write_whole

Form = Literal["csv", "parquet"]
#: With these a spreadsheet begins to reckon; the wide forms are what some keyboards of East Asia write.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_AMOUNTS = ("cost", "latency", "input_tokens", "output_tokens")


def tables(migration: Migration) -> dict[str, list[dict[str, Any]]]:
    """`trials`: each configuration. `answers`: each of its answers on validation examples. `held_out`: each answer of
    source, unchanged and winner. Texts stay in the run's own files. Within a table all rows have the same columns."""
    found = {"trials": _trials(migration), "answers": _answers(migration), "held_out": _held_out(migration)}
    return {name: _even(rows) for name, rows in found.items()}


def write_tables(migration: Migration, folder: Path, form: Form) -> list[Path]:
    """Raises RunDirError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirError(f"{folder}: cannot write here ({error.strerror}); choose another --out") from error
    written = []
    for name, rows in tables(migration).items():
        if rows:
            path = folder / f"{name}.{form}"
            write_whole(path, _as_csv(rows)) if form == "csv" else write_parquet(path, rows)
            written.append(path)
    return written


def _trials(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        for trial in result.search.trials:
            facts = {k: v for k, v in plain(trial).items() if k not in ("prompt", "params")}
            chosen = {f"param.{name}": plain(value) for name, value in trial.params.items()}
            won = trial.number == result.search.best
            yield {"target": result.model, **facts, "won": won, "prompt_digest": trial.prompt.digest, **chosen}


def _answers(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        for number, found in result.search.answers.items():
            yield from _rows({"target": result.model, "trial": number}, found)


def _held_out(migration: Migration) -> Iterator[dict[str, Any]]:
    for result in migration.targets:
        for side in SIDES:
            if found := getattr(result.confirmation, side):
                yield from _rows({"target": result.model, "side": side}, found)


def _rows(head: Mapping[str, Any], found: Evaluation) -> Iterator[dict[str, Any]]:
    for output, mark in zip(found.outputs, found.scores, strict=True):
        amounts = {name: None if name in found.unmeasured else getattr(output, name) for name in _AMOUNTS}
        lost = output.status == "failed"
        parts = {f"part.{name}": value for name, value in mark.parts.items()}
        score = None if lost else mark.value
        yield {**head, "example_id": output.example_id, "status": output.status, "score": score, **amounts, **parts}


def _even(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    known = list(rows)
    columns = dict.fromkeys(name for row in known for name in row)
    return [{name: row.get(name) for name in columns} for row in known]


def _as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is led by an apostrophe; white space before it saves none."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith(("\t", "\r")) or value.lstrip().startswith(_FORMULA) else value
