"""The program: the plain prompt, or one whose instructions and examples a DSPy optimizer compiled.

A compile is bought once; what it brings competes under every layout and reply form of the space, and its new parts
are offered to the plain prompt as well: as the wording and the choice of worked examples `from_<program>`.

`KNOBS` let the search turn an optimizer's knobs. A knob counts only for the program whose name it bears; `None` is
its usual value. Another setting is another compile, so knobs are for searches with thousands of calls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.space import Choice, Value, Variant, in_knobs


def _put(variant: Variant, value: Any) -> Variant:
    return replace(variant, program=value)


def knob(program: str, name: str, *values: Value) -> Choice:
    """A knob of an optimizer as a dimension: `knob("gepa", "minibatch", 5, 8)`."""
    full = f"{program}.{name}"
    return Choice(full, (None, *values), in_knobs(full), when=("program", program))


FEW_SHOT = Choice("program", ("plain", "labeled_few_shot", "bootstrap_few_shot"), _put)
PROGRAMS = Choice("program", ("plain", "labeled_few_shot", "bootstrap_few_shot", "miprov2", "gepa"), _put)
ALL_PROGRAMS = Choice(
    "program",
    (
        "plain",
        "labeled_few_shot",
        "knn_few_shot",
        "bootstrap_few_shot",
        "bootstrap_random_search",
        "bootstrap_optuna",
        "copro",
        "infer_rules",
        "simba",
        "miprov2",
        "gepa",
        "better_together",
    ),
    _put,
)

KNOBS = (
    knob("labeled_few_shot", "labeled", 4, 16),
    knob("knn_few_shot", "neighbours", 2, 8),
    knob("knn_few_shot", "teacher", "source"),
    knob("bootstrap_few_shot", "bootstrapped", 2, 8),
    knob("bootstrap_few_shot", "labeled", 4, 16),
    knob("bootstrap_few_shot", "rounds", 2),
    knob("bootstrap_few_shot", "teacher", "source"),
    knob("bootstrap_random_search", "bootstrapped", 2, 8),
    knob("bootstrap_random_search", "candidates", 4),
    knob("bootstrap_random_search", "teacher", "source"),
    knob("bootstrap_optuna", "bootstrapped", 8),
    knob("bootstrap_optuna", "candidates", 4),
    knob("bootstrap_optuna", "teacher", "source"),
    knob("copro", "breadth", 3, 6),
    knob("copro", "depth", 1, 3),
    knob("infer_rules", "candidates", 4),
    knob("infer_rules", "rules", 5, 20),
    knob("infer_rules", "teacher", "source"),
    knob("simba", "batch", 4, 8),
    knob("simba", "candidates", 2, 4),
    knob("simba", "demos", 2),
    knob("miprov2", "candidates", 4, 6),
    knob("miprov2", "bootstrapped", 2),
    knob("miprov2", "labeled", 4),
    knob("miprov2", "teacher", "source"),
    knob("gepa", "minibatch", 2, 5),
    knob("better_together", "minibatch", 5),
    knob("better_together", "teacher", "source"),
)
