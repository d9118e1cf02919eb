"""The report: one page that a manager and an engineer can both use, and its twins in Markdown and JSON.

Takes a finished run and asks no model. The page loads nothing (its own policy forbids it), and everything that came
from data or from models is text in it.

`facts` reckons once for all forms, from `measures` (with `intervals`), `breakdown`, `growth` and `agreed`. The page:
`page` fills page.html by way of `filled` with `view`, `evidence`, `table`, `rows`, `diff`, and `charts`, of which
`pictures` makes use. The others: `markdown`, `machine` (JSON), `summary` (the terminal), `rescored` (other terms).
"""

from __future__ import annotations

from pathlib import Path

from optimizer.report.facts import gather
from optimizer.report.machine import as_json
from optimizer.report.markdown import as_markdown
from optimizer.report.page import as_page
from optimizer.results.migration import Migration
from optimizer.results.rundir import write_whole

__all__ = ["as_page", "write_report"]


def write_report(migration: Migration, path: Path) -> None:
    """`path` is the page's; `.md` and `.json` stand beside it."""
    facts = gather(migration)
    forms = {".html": as_page(migration, facts), ".md": as_markdown(facts), ".json": as_json(facts)}
    for ending, text in forms.items():  # half a surrogate pair has no place in a file
        write_whole(path.with_suffix(ending), text.encode("utf-8", "replace").decode())
