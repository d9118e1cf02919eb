"""Of what type a variable is, by the values that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizer import reader

_KINDS = ("string", "boolean", "integer", "number", "array", "object")  # the narrowest first


def kind_of(values: Sequence[Any]) -> str | None:
    """The narrowest type that all values share; None where they share none."""
    return next((kind for kind in _KINDS if all(reader.is_type(value, kind) for value in values)), None)


def kinds_of(values: Sequence[Any]) -> str:
    """Python's names of the values' types, for a message."""
    return ", ".join(sorted({type(value).__name__ for value in values}))
