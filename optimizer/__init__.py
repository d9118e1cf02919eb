"""Move a prompt from one language model to another, and know whether it still works.

From top to bottom: `cli` (and `commands`) ▸ `pipeline`, which opens a run (`opening`), takes it through baseline,
search and verdict, and hands out what came of it (`outlets`); `compare` does the same for recorded outputs. `task` is
what is to be migrated, `connect` who answers, at which price (`pricing`); `evaluate` runs and scores, `objective`
weighs. Everywhere: `types`, `errors`, `redact`, `plugins`. `reader` is shipped with every bundle, `testing` is for
authors of plug-ins.

A package's `__init__` defines nothing: its docstring is the map (or its README is), and its imports are the door, what
others may take from the package; the package's own modules take it from each other.
"""

__version__ = "0.1.0"
