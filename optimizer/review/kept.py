"""`review.json`: all that the sheets given last say, beside the run. Its verdict and bundle stay as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizer.results.migration import Migration
from optimizer.results.records import as_json, plain
from optimizer.results.rundir import RunDir, write_whole
from optimizer.review.pairs import Blind, secret
from optimizer.review.telling import comments, told
from optimizer.review.weighing import Review

_FORMAT = 1


@dataclass(frozen=True)
class Told:
    """Of one target, for the report. `figures`: as review.json has them; None where it is of no use."""

    sentences: Sequence[str]
    comments: Mapping[str, Sequence[Mapping[str, str]]]
    figures: Mapping[str, Any] | None = None


def path_of(run: RunDir) -> Path:
    return run.path / "review.json"


def as_dict(found: Sequence[tuple[Blind, Review]]) -> list[dict[str, Any]]:
    return [
        {**plain(review), "told": list(told(blind, review)), "comments": comments(review)} for blind, review in found
    ]


def keep(run: RunDir, found: Sequence[tuple[Blind, Review]]) -> None:
    """In place of an earlier one. Raises RunDirError where it cannot be written."""
    text = as_json({"format": _FORMAT, "of": _about(run), "targets": as_dict(found)}, sort=False)
    write_whole(path_of(run), text)


def reviewers(run: RunDir) -> set[str]:
    """Those whose judgement is kept now."""
    try:
        return {name for one in json.loads(path_of(run).read_text("utf-8"))["targets"] for name in one["reviewers"]}
    except (OSError, ValueError, LookupError, TypeError):
        return set()


def kept(run: RunDir, migration: Migration) -> dict[str, Told]:
    """By target; empty where nobody judged. A file that cannot be used is told, and costs no run its report."""
    if not path_of(run).exists():
        return {}
    try:
        found = json.loads(path_of(run).read_text("utf-8"))
        if found["of"] == _about(run):
            return {one["model"]: _told(one) for one in found["targets"]}
        note = "What people said in review.json is of other answers than this run's, and is not counted."
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        note = f"review.json is damaged ({error}): read the sheets again with promptport review, or delete it."
    return {result.model: Told([note], {}) for result in migration.targets}


def _told(one: Mapping[str, Any]) -> Told:
    figures = {name: value for name, value in one.items() if name not in ("told", "comments", "judgements")}
    rows = {name: [{key: str(row[key]) for key in _COMMENT} for row in rows] for name, rows in one["comments"].items()}
    return Told([str(sentence) for sentence in one["told"]], rows, figures)


_COMMENT = ("id", "reviewer", "prefers", "letters", "text")


def _about(run: RunDir) -> str:
    """Tells whether two reviews are of the same answers, without telling the secret."""
    return hashlib.sha256(secret(run).encode()).hexdigest()
