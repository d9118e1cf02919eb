"""How a guidance wants to be answered: behind a marker, with or without reasoning, with nothing around."""

from __future__ import annotations

import re
from typing import Literal

_FIRST = re.compile(
    r"think (?:it through|step by step|carefully|aloud)|step[- ]by[- ]step|reason (?:first|step|about)"
    r"|explain your reasoning",
    re.IGNORECASE,
)
_NONE = re.compile(r"(?:do not|don't|without|no) (?:explain|explanation|reasoning|comment)", re.IGNORECASE)
_STRICT = re.compile(
    r"nothing else|only (?:the |a |one |valid )?json|no (?:other|extra|additional) text|valid json", re.IGNORECASE
)
_MARKER = re.compile(r"(?:write|finish with|end with|after|then give)\s+[\"'`]?([A-Z][\w ]{2,20}:)[\"'`]?")


def marker(rules: str) -> str:
    """The word behind which the reply proper is wanted, or nothing."""
    found = _MARKER.search(rules)
    return found[1] if found else ""


def reasoning(rules: str) -> Literal["", "first", "none"]:
    if _FIRST.search(rules):
        return "first"
    return "none" if _NONE.search(rules) else ""


def strict(rules: str) -> bool:
    return bool(_STRICT.search(rules))
