"""Numbers as people write them: `1,234.5`, `(12.3)`, `-4 %`, `EUR 2.1 million`."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?P<open>\()?\s*(?P<sign>[-+−–]?)\s*[$€£¥]?\s*(?P<digits>\d[\d,  ']*(?:\.\d+)?|\.\d+)")
_SCALE = {
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
}
_TAIL = re.compile(r"\s*\)?\s*(thousand|million|billion|trillion|bn|mn|[kmb])\b", re.IGNORECASE)


def number(text: str) -> float | None:
    """The first number in a text, scale words applied; None where there is none.

    A number in parentheses is negative, as in accounts; commas, thin spaces and apostrophes group thousands.
    """
    found = _NUMBER.search(text)
    if not found:
        return None
    value = float(re.sub(r"[,  ']", "", found["digits"]))
    if scale := _TAIL.match(text, found.end()):
        value *= _SCALE[scale[1].lower()]
    closed = found["open"] and text[found.end() :].lstrip().startswith((")", "%)"))
    return -value if closed or found["sign"] in ("-", "−", "–") else value


def numeric(got: str, wanted: str, tolerance: float = 0.005) -> float:
    """1 where both numbers agree within `tolerance`, a share of the wanted one; texts without a number must be equal."""
    have, want = number(got), number(wanted)
    if have is None or want is None:
        return float(got.strip().casefold() == wanted.strip().casefold())
    return float(abs(have - want) <= tolerance * abs(want) + 1e-12)
