"""The report in its three forms, written side by side."""

from __future__ import annotations

from pathlib import Path

from optimizer.report.figures.facts import gather
from optimizer.report.html.page import as_page
from optimizer.report.machine import as_json
from optimizer.report.markdown import as_markdown
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir, write_whole
from optimizer.review.kept import kept


def write_report(migration: Migration, path: Path) -> None:
    """`path` is the page's; `.md` and `.json` stand beside it."""
    run = RunDir(path.parent)
    facts = gather(migration, kept(run, migration) if run.report == path else None)
    forms = {".html": as_page(migration, facts), ".md": as_markdown(facts), ".json": as_json(facts)}
    for ending, text in forms.items():  # half a surrogate pair has no place in a file
        write_whole(path.with_suffix(ending), text.encode("utf-8", "replace").decode())
