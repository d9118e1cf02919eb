"""Worked examples, drawn from the source's own good answers: how many, which, in what order, in what form.

    random       drawn by seed
    diverse      unlike each other, the most typical one first
    nearest      typical: nearest to the centre of all, since a fixed prompt cannot know what it will be asked
    hardest      those that the target got wrong when it was looked at, then those that resemble another label
    balanced     of each label as many
    short        the cheapest
    per_request  for each request those of a stored pool that are most like its inputs; the bundle carries the pool

Orders: as chosen, reversed, by length, or with labels alternating. Of examples that are picked for each request the
most alike stands first, or, reversed, last.
"""

from __future__ import annotations

from optimizer.space import Choice, in_demos, in_layout

EVERY_CHOICE = ("diverse", "nearest", "hardest", "balanced", "short", "per_request")
EVERY_ORDER = ("reversed", "short_first", "long_first", "alternating")

_PLAIN, _NONE = ("program", "plain"), ("demos", 0)  # a compiled program brings its own examples

DEMOS = Choice("demos", (0, 2, 4, 8), in_demos("count"), when=_PLAIN)
DEMO_CHOICE = Choice(
    "demo_choice", ("random", "diverse", "balanced", "short"), in_demos("choice"), when=_PLAIN, unless=_NONE
)
DEMO_ORDER = Choice("demo_order", ("as_chosen", "reversed"), in_demos("order"), when=_PLAIN, unless=_NONE)
DEMO_FORM = Choice("demo_form", ("turns", "text"), in_layout("demos"))
