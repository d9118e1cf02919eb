"""The report: one page that a manager and an engineer can both use, and its twins in Markdown and JSON.

Takes a finished run and asks no model. The page loads nothing (its own policy forbids it), and everything that came
from data or from models is text in it.

`writing` puts all three down. What they tell is reckoned in `figures` and set in `tables`; then come `html` (the page),
`markdown` and `machine` (JSON). `summary` is for the terminal, `rescored` for a run under other terms, and `reviewed`
for what people said.
"""

from optimizer.report.html.page import as_page
from optimizer.report.writing import write_report

__all__ = ["as_page", "write_report"]
