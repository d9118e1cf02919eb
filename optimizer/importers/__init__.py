"""Importers: prompts, examples and recorded answers of other tools, as a task.

`registry` lists the `formats`, which share what is in `parsing`. `detecting` finds out which of them a file has,
`joining` makes one draft of what several files say; `data_format` reads rows for a task that names a format. `values`
is what the formats hand on: drafts, or records of calls, of which `recover` makes a task, by way of `conversations`
where they differ in length. `writing`, with `promptfile`, makes the task's folder; `standin` fills what is missing.
"""

from optimizer.importers.data_format import read_table, refuse_several
from optimizer.importers.detecting import detect
from optimizer.importers.joining import import_files
from optimizer.importers.registry import FORMATS, names

__all__ = ["FORMATS", "detect", "import_files", "names", "read_table", "refuse_several"]
