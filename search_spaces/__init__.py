"""Ready-made search spaces. A task names one: `search: {space: standard}`.

A space of your own is a `SearchSpace` in any importable module, named as `my_module:MY_SPACE`:

    from optimizer.space import Choice, SearchSpace, in_layout
    from search_spaces import DELIMITERS, REPLY

    MY_SPACE = SearchSpace((DELIMITERS, REPLY, Choice("reasoning", ("as_is", "none"), in_layout("reasoning"))))
"""

from __future__ import annotations

from optimizer.space import SearchSpace
from search_spaces.compilers import ALL_PROGRAMS, FEW_SHOT, KNOBS, PROGRAMS
from search_spaces.decoding import TEMPERATURE
from search_spaces.demos import DEMO_CHOICE, DEMO_FORM, DEMO_ORDER, DEMOS
from search_spaces.instructions import WORDING
from search_spaces.layout import DELIMITERS, PLACEMENT
from search_spaces.output import REASONING, REPLY, REPLY_AT

QUICK = SearchSpace((WORDING, DELIMITERS, DEMOS, REPLY, FEW_SHOT))
STANDARD = SearchSpace(
    (
        WORDING,
        DELIMITERS,
        PLACEMENT,
        DEMOS,
        DEMO_CHOICE,
        DEMO_ORDER,
        DEMO_FORM,
        REPLY,
        REPLY_AT,
        REASONING,
        TEMPERATURE,
        PROGRAMS,
    )
)

__all__ = [
    "ALL_PROGRAMS",
    "DELIMITERS",
    "DEMOS",
    "DEMO_CHOICE",
    "DEMO_FORM",
    "DEMO_ORDER",
    "FEW_SHOT",
    "KNOBS",
    "PLACEMENT",
    "PROGRAMS",
    "QUICK",
    "REASONING",
    "REPLY",
    "REPLY_AT",
    "STANDARD",
    "TEMPERATURE",
    "WORDING",
]
