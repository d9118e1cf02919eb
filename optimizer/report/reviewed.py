"""What people said of a run's held-out answers, written beside it and into its report.

`review.md` has their comments grouped by subject, from which experts write a style guide; `review.json` has everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optimizer.report.markdown import escaped, safe
from optimizer.report.writing import write_report
from optimizer.results.rundir import RunDir, write_whole
from optimizer.review.kept import keep, path_of, reviewers
from optimizer.review.pairs import Blind, secret
from optimizer.review.pairs import blind as blinded
from optimizer.review.reading import read_sheets
from optimizer.review.telling import comments, told
from optimizer.review.weighing import Review, weigh

Found = Sequence[tuple[Blind, Review]]


def read_back(run: RunDir, sheets: Sequence[Path]) -> tuple[Found, list[str]]:
    """What the filled sheets say, written beside the run and into its report; and notes. The run's verdict and bundle
    stay as they are. Raises DataError for a sheet that is none of this run's, RunDirError."""
    migration = run.migration()
    blinds = blinded(migration, secret(run))
    judgements = read_sheets(sheets, blinds)
    found = [(one, review) for one in blinds if (review := weigh(one, judgements))]
    gone = sorted(reviewers(run) - {judgement.reviewer for judgement in judgements})
    keep(run, found)
    write_whole(path_of(run).with_suffix(".md"), as_markdown(found).encode("utf-8", "replace").decode())
    write_report(migration, run.report)
    told_again = f"{', '.join(gone)} judged before and no longer counts: give all sheets at once"
    return found, [told_again] if gone else []


def as_text(run: RunDir, found: Found) -> str:
    lines = [line for blind, review in found for line in (f"{review.model}:", *(f"  {s}" for s in told(blind, review)))]
    return "\n".join(["", *lines, f"review   {path_of(run)}", f"report   {run.report}"])


def as_markdown(found: Found) -> str:
    """Whatever people wrote is text in it, as in report.md."""
    lines = ["# What reviewers said", ""]
    for blind, review in found:
        lines += [f"## {safe(review.model)}", "", *(f"- {escaped(sentence)}" for sentence in told(blind, review)), ""]
        for name, rows in comments(review).items():
            lines += [*_subject(name, rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _subject(name: str, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    sides = [f"{side} preferred {n}" for side in ("target", "source") if (n := sum(r["prefers"] == side for r in rows))]
    yield f"### {escaped(name)}: {', '.join([str(len(rows)), *sides])}"
    yield ""
    for row in rows:
        said = f": {escaped(row['text'])}" if row["text"] else ""
        yield f"- {safe(row['id'])}, {escaped(row['reviewer'])}, preferred: {row['prefers']} ({row['letters']}){said}"
