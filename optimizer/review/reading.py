"""Filled sheets, as they come back: sorted, cut down, with columns moved and added, in a spreadsheet's own CSV.

A row is known by its code. Where its id or its answers show that cells were moved without their row, the judgement
would be of another answer: that is refused. What a spreadsheet does to a text (white space, 1e5 for 100000) is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optimizer.data.columns import Problems
from optimizer.errors import DataError
from optimizer.review.pairs import Blind, Pair
from optimizer.review.returned import Row, alike, loose, number, read_rows

Side = Literal["source", "target", "same"]
_SAME = ("same", "tie", "equal", "neither", "both")
_TEXTS = ("answer a", "answer b")


@dataclass(frozen=True)
class Judgement:
    """What one reviewer says of one pair. `marks`: of source and target, from 0 to 1, on a scale of so many `levels`.
    Without a preference of its own, the higher mark is one. None: there is a comment only."""

    reviewer: str
    model: str
    example_id: str
    prefers: Side | None
    marks: tuple[float, float] | None
    levels: int
    target_first: bool
    about: tuple[str, ...] = ()
    comment: str = ""


def read_sheets(paths: Sequence[Path], blinds: Sequence[Blind]) -> tuple[Judgement, ...]:
    """All that the reviewers say; each file is one reviewer's, called by its name. Raises DataError."""
    stems = Counter(path.stem for path in paths)
    names = [path.stem if stems[path.stem] == 1 else str(path) for path in paths]
    if len(set(names)) < len(names):
        raise DataError(f"{Counter(names).most_common(1)[0][0]}: is given twice; one file is one reviewer's judgement")
    return tuple(found for path, name in zip(paths, names, strict=True) for found in _sheet(path, name, blinds))


def _sheet(path: Path, name: str, blinds: Sequence[Blind]) -> list[Judgement]:
    rows, scale = read_rows(path)
    sheet = _Sheet(name, scale)
    known = {pair.code: (found.result.model, pair) for found in blinds for pair in found.pairs}
    if not any(row["code"].lower() in known for row in rows):
        raise DataError(
            f"{path.name}: none of its {len(rows)} codes (the first is {rows[0]['code'][:40]!r}) is of this run; it "
            "was written for another run, or before this one was made anew: give the run that it was written for"
        )
    texts = {loose(text) for _, pair in known.values() for text in pair.answers}
    problems, seen, found = Problems(), dict[str, str](), list[Judgement]()
    for row in rows:
        code = row["code"].lower()
        problem = _strange(row, known.get(code), texts)
        if not problem and code in seen:
            problem = f"the code {code!r} stands in {seen[code]} too; leave one of these rows"
        if problem:
            problems.add(f"{row.where}: {problem}")
            continue
        seen[code] = row.where
        found += _judgement(row, sheet, known[code], problems)
    problems.raise_any()
    if not any(one.prefers for one in found):
        raise DataError(
            f"{path.name}: nothing is filled in; write A, B or same into the column 'preferred', or marks into "
            "'mark A' and 'mark B'"
        )
    return found


def _strange(row: Row, known: tuple[str, Pair] | None, texts: set[str]) -> str:
    """Why this row is none of the sheet that was written; nothing if it is. `texts`: all answers of the sheet, one of
    which in the wrong row was moved there."""
    code = row["code"].lower()
    if known is None:
        shown = f"the code {code[:40]!r} is of no example of this run" if code else "has no code"
        return f"{shown}; codes must stay as they were written: correct it, or delete the row"
    pair = known[1]
    wrong = [
        (name, row[name])
        for name, text in zip(_TEXTS, pair.answers, strict=True)
        if name in row.cells and not alike(row[name], text)
    ]
    stray = [name for name, text in wrong if loose(text) in texts]
    if "id" in row.cells and not alike(row["id"], pair.example.id):
        return f"the code {code!r} is of id {pair.example.id!r}, found {row['id'][:60]!r}{_MOVED}"
    return f"{stray[0]!r} is another answer than the one of id {pair.example.id!r}{_MOVED}" if stray else ""


_MOVED = "; were cells moved or changed without their row? Sort whole rows only, or fill in a fresh sheet"


@dataclass(frozen=True)
class _Sheet:
    reviewer: str
    scale: tuple[float, float] | None


def _judgement(row: Row, sheet: _Sheet, known: tuple[str, Pair], problems: Problems) -> Iterator[Judgement]:
    (model, pair), scale = known, sheet.scale
    about = tuple(dict.fromkeys(word for text in re.split(r"[,;/|]", row["about"]) if (word := text.strip().lower())))
    try:
        first = _preferred(row["preferred"])
        marks = _marks(row, scale)
        if marks and first is not None and (marks[0] - marks[1]) * first < 0:
            raise ValueError(f"prefers {row['preferred']}, but gives the other the higher mark; correct one of them")
    except ValueError as problem:
        problems.add(f"{row.where} (id {pair.example.id!r}): {problem}")
        return
    if marks and first is None:
        first = (marks[0] > marks[1]) - (marks[0] < marks[1])
    if first is None and not row["comment"]:
        return
    ordered = (marks[1], marks[0]) if marks and pair.target_first else marks
    prefers: Side | None = None
    if first is not None:
        prefers = "same" if first == 0 else "target" if (first > 0) == pair.target_first else "source"
    yield Judgement(
        sheet.reviewer,
        model,
        pair.example.id,
        prefers,
        ordered,
        _levels(scale),
        pair.target_first,
        about,
        row["comment"].lstrip("'"),
    )


def _levels(scale: tuple[float, float] | None) -> int:
    """How many different marks there are; ten where the scale is not one of a few whole numbers."""
    width = scale[1] - scale[0] if scale else 0.0
    return int(width) + 1 if width == int(width) and 2 <= width <= 100 else 10


def _preferred(text: str) -> int | None:
    """1 for A, -1 for B, 0 for neither."""
    said = text.strip("'\" .").casefold().removeprefix("answer ").strip()
    if not said:
        return None
    if said in _SAME:
        return 0
    if said not in ("a", "b"):
        raise ValueError(f"'preferred' must be A, B or same, found {text[:60]!r}")
    return 1 if said == "a" else -1


def _marks(row: Row, scale: tuple[float, float] | None) -> tuple[float, float] | None:
    """Of A and B, from 0 to 1."""
    texts = row["mark a"], row["mark b"]
    if not any(texts):
        return None
    if scale is None:
        raise ValueError("no scale for the marks; the header must say it, as written: mark A (1 to 5)")
    found = []
    for name, text in zip(("mark A", "mark B"), texts, strict=True):
        mark = number(text)
        if not scale[0] <= mark <= scale[1]:
            shown = repr(text[:60]) if text else "nothing"
            raise ValueError(f"{name!r} must be a number from {scale[0]:g} to {scale[1]:g}, found {shown}")
        found.append((mark - scale[0]) / (scale[1] - scale[0]))
    return found[0], found[1]
