"""Rows from JSONL, CSV and Parquet files and from the hub, exactly as they were written; and examples of them.

Lines of JSON and CSV come through the text reader of `datasets` and are parsed here: its own JSON and CSV readers
give every row the same keys and types ("007" turns into 7, a missing key into null), which would rewrite
gold answers. Nothing of a user's file is copied or cached; what the hub sends stays in the hub's own cache.

`files` and `hub` read `rows`, by way of `arrow`, the one door to `datasets`: `scan` looks at the bytes, `parsing` makes
rows of lines. `columns` makes examples of rows, with `outputs`, `conversations`, `ratings`, `stages` and, for the gate,
`other_rows`. `golds` and `remarks` find what is wrong or odd; `split` divides; `writing` is the way out.
"""

from optimizer.data.files import ENDINGS, read_files
from optimizer.data.hub import read_hub
from optimizer.data.rows import Row, Table

__all__ = ["ENDINGS", "Row", "Table", "read_files", "read_hub"]
