"""Wording: the instructions as they are, converted to the target family's habits, or rewritten.

Only `as_is` stands here; the search offers the others under their names as soon as the proposer has written them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.space import Choice, Variant


def _put(variant: Variant, value: Any) -> Variant:
    return replace(variant, wording=value)


WORDING = Choice("wording", ("as_is",), _put, when=("program", "plain"))  # a compiled program brings its own
