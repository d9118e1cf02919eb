"""Importers: prompts, examples and recorded answers of other tools, as a task.

One module for each format: `formats` lists them, `detecting` finds out which a file has, `joining` makes one draft of
what several files say; `data_format` reads rows for a task that names a format.

What the formats share: `reading` and `node` open a file and ask it for values; `values` is what they hand on, as drafts
or as records of calls (`logs`, `chat`), of which `recover` makes a task. `dialects` and `blocks` read templates,
`frontmatter`, `companion` and `knobs` what stands beside them, `schemas` and `toolbox` reply and tools,
`promptfoo_tests` assertions. `picking` takes one prompt of several; `standin` fills what is missing; `writing`, with
`promptfile`, makes the folder.
"""

from optimizer.importers.data_format import read_table
from optimizer.importers.detecting import detect
from optimizer.importers.formats import FORMATS, names
from optimizer.importers.joining import import_files

__all__ = ["FORMATS", "detect", "import_files", "names", "read_table"]
