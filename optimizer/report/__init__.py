"""The report: one page that a manager and an engineer can both use. Takes a finished run and asks no model.

The page loads nothing (its own policy forbids it), and everything that came from data or from models is text in it.
"""

from __future__ import annotations

from pathlib import Path

from optimizer.migration import Migration
from optimizer.report.page import as_page
from optimizer.rundir import write_whole

__all__ = ["as_page", "write_report"]


def write_report(migration: Migration, path: Path) -> None:
    page = as_page(migration)
    write_whole(path, page.encode("utf-8", "replace").decode())  # half a surrogate pair has no place in a file
