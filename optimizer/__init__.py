"""Move a prompt from one language model to another, and know whether it still works.

From top to bottom: `cli` (and `commands`) ▸ `pipeline`, which opens a run (`opening`), asks each target one question
(`probe`), takes it through baseline, search and verdict, and publishes the results (`outlets`); `compare` does the same
for recorded outputs. `task` is what is to be migrated, `connect` makes the models that answer, at which price
(`pricing`); `evaluate` runs and scores, `objective` weighs. Used everywhere: `types`, `errors`, `redact`, `plugins`.
`reader` is shipped with every bundle, `testing` is for authors of plug-ins.

A package's `__init__` defines nothing: its docstring (or its README) is the map, and its imports are the door, what
other packages may use; the package's own modules import from each other.
"""

__version__ = "0.1.0"
