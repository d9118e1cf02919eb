"""Numbers with a sign."""

from __future__ import annotations


def signed(value: float, form: str) -> str:
    """A number with its sign, a real minus; zero has none."""
    text = format(value, f"+{form}")
    return text[1:] if float(text.rstrip("%")) == 0 else text.replace("-", "\N{MINUS SIGN}")


def points(share: float) -> str:
    """A share as signed points."""
    return signed(100 * share, ".1f")
