"""The sheet that reviewers fill in: CSV that every spreadsheet opens, and in which no answer becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Literal

from optimizer.errors import ConfigError, DataError, RunDirError, nearest
from optimizer.results.rundir import RunDir, write_whole
from optimizer.results.tidy import harmless
from optimizer.review.pairs import Blind, Pair, blind, sample, secret

CELL = 32_767  # characters that Excel keeps of a cell
SUBJECTS = ("correctness", "time", "tone", "format", "length")  # what remarks are about; reviewers may use other words
Separator = Literal[",", ";"]
#: What a spreadsheet takes for a number or a date and shows otherwise (007, 3.50, 1-2, March 1); plain numbers are not.
_TAKEN_FOR_DATA = re.compile(
    r"(?!(0|[1-9]\d{0,14})$)(\d|[.,]\d|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z.]*[\s/-]*\d)"
    r"[\w\s.,:/%+-]{0,24}|true|false",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Plan:
    """What a sheet is to hold. `number`: of rows, None for all; `target`: needed where a run has several."""

    number: int | None = None
    scale: tuple[float, float] = (1, 5)
    separator: Separator = ","
    target: str | None = None


def write_sheet(run: RunDir, path: Path, plan: Plan) -> str:
    """Returns what to do with it. Raises ConfigError, DataError where there is nothing to judge, RunDirError."""
    if not plan.scale[0] < plan.scale[1]:
        raise ConfigError("--scale: must be LOW HIGH, as in 1 5, found {:g} {:g}".format(*plan.scale))
    found = _target(blind(run.migration(), secret(run)), plan.target)
    if not found.pairs:
        raise DataError(
            f"{run.path}: nothing to judge: {found.equal} held-out examples have the same answer on both sides, and "
            f"{found.lost} have none on one of them"
        )
    if path.exists():
        raise RunDirError(f"{path}: is there already, and may be filled in; choose another --out, or move it away")
    pairs = sample(found, plan.number)
    write_whole(path, as_csv(pairs, plan.scale, plan.separator).encode("utf-8", "replace").decode())
    lines = [
        f"sheet    {path}: {len(pairs)} of {len(found.pairs)} examples whose answers differ, in random order",
        f"         {found.equal} more have the same answer on both sides and are left out"
        + (f", {found.lost} have none on one side" if found.lost else ""),
        "         which answer is whose is not in it: give out the sheet, not the run's folder",
        "fill in  preferred: A, B or same; or marks, or both; the rest as you like",
        f"then     promptport review {quote(str(run.path))} {quote(str(path))}",
    ]
    if long := too_long(pairs):
        lines.append(f"note: {long} rows have a text of more than {CELL:,} characters, which Excel would cut")
    return "\n".join(lines)


def _target(found: tuple[Blind, ...], name: str | None) -> Blind:
    models = [one.result.model for one in found]
    if name is None and len(found) > 1:
        raise ConfigError(f"the run has {len(found)} targets, and a sheet is of one: --target {' or '.join(models)}")
    if name is not None and name not in models:
        raise ConfigError(
            f"--target: the run has no target {name!r}.{nearest(name, models)} It has {', '.join(models)}"
        )
    return found[models.index(name) if name else 0]


def as_csv(pairs: Iterable[Pair], scale: tuple[float, float], separator: Separator = ",") -> str:
    """One row for each pair. It begins with a byte-order mark, without which Excel takes UTF-8 for something else."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(header(scale))
    for pair in pairs:
        told = (pair.code, pair.example.id, pair.input, *pair.answers)
        writer.writerow([*map(_cell, told), "", "", "", "", ""])
    return text.getvalue()


def _cell(text: str) -> str:
    """As people are to see it: led by an apostrophe where a spreadsheet would make something else of it."""
    return f"'{text}" if _TAKEN_FOR_DATA.fullmatch(text.strip()) else str(harmless(text))


def header(scale: tuple[float, float]) -> list[str]:
    """What stands in brackets tells people what to write; no separator of CSV is in it."""
    marks = "({:g} to {:g})".format(*scale)
    fixed = ["code", "id", "input", "answer A", "answer B", "preferred (A / B / same)"]
    return [*fixed, f"mark A {marks}", f"mark B {marks}", f"about ({' / '.join(SUBJECTS)})", "comment"]


def too_long(pairs: Iterable[Pair]) -> int:
    """How many rows have a cell that Excel would cut."""
    return sum(max(len(text) for text in (pair.input, *pair.answers)) > CELL for pair in pairs)
