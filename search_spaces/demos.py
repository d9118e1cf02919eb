"""Worked examples, drawn from the source's own good answers: how many, which, in what order, in what form."""

from __future__ import annotations

from optimizer.space import Choice, in_demos, in_layout

_PLAIN, _NONE = ("program", "plain"), ("demos", 0)  # a compiled program brings its own examples

DEMOS = Choice("demos", (0, 2, 4, 8), in_demos("count"), when=_PLAIN)
DEMO_CHOICE = Choice(
    "demo_choice", ("random", "diverse", "balanced", "short"), in_demos("choice"), when=_PLAIN, unless=_NONE
)
DEMO_ORDER = Choice("demo_order", ("as_chosen", "reversed"), in_demos("order"), when=_PLAIN, unless=_NONE)
DEMO_FORM = Choice("demo_form", ("turns", "text"), in_layout("demos"))
