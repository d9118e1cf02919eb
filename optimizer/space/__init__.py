"""The search space: a list of dimensions, each a small choice about the prompt.

A dimension (`dimension`) asks an Optuna trial for a value and carries it out on a `variant`, with one of the `changes`;
`search_space` is all of them together. A dimension sees no data: what goes by a name is settled later
(`search.pool`; worked examples: `demos`). `file` finds a space, `check` tries it out, `parts` makes that of a
program of several prompts; `parameters` knows which decoding parameters a target takes.
"""

from optimizer.space.changes import in_demos, in_knobs, in_layout, in_params, in_reply_format, in_tools
from optimizer.space.dimension import Choice, Dimension
from optimizer.space.search_space import SearchSpace
from optimizer.space.variant import DemoPlan, Value, Variant

__all__ = [
    "Choice",
    "DemoPlan",
    "Dimension",
    "SearchSpace",
    "Value",
    "Variant",
    "in_demos",
    "in_knobs",
    "in_layout",
    "in_params",
    "in_reply_format",
    "in_tools",
]
