"""The report: one page that a manager and an engineer can both use, and its twins in Markdown and JSON.

Takes a finished run and asks no model. The page loads nothing (its own policy forbids it), and everything that came
from data or from models is text in it.

`writing` puts all three down. `facts` reckons once for all forms, from `measures` (with `intervals`), `breakdown`,
`growth` and `agreed`. The page: `page` fills page.html by way of `templating` with `view`, `evidence`, `table`, `rows`,
`diff`, and `charts`, of which `pictures` makes use. The others: `markdown`, `machine` (JSON), `summary` (the terminal),
`rescored` (other terms),
`reviewed` (what people said).
"""

from optimizer.report.page import as_page
from optimizer.report.writing import write_report

__all__ = ["as_page", "write_report"]
