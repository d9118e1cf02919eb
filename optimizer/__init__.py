"""Move a prompt from one language model to another, and know whether it still works.

From top to bottom: `cli` (and `commands`) ▸ `pipeline`, which opens a run (`opening`), takes it through baseline,
search and verdict, and hands out what came of it (`outlets`); `compare` does the same for recorded outputs. `task` is
what is to be migrated, `connect` who answers, at which price (`pricing`); `evaluate` runs and scores, `objective`
weighs. Everywhere: `types`, `errors`, `redact`, `plugins`. `reader` is shipped with every bundle, `testing` is for
authors of plug-ins. Each package's own docstring, or its README, says how its modules fit together.
"""

__version__ = "0.1.0"
