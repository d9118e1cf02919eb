"""Numbers as people and models write them: $4.2 billion, (12.5%), −3, 1,234.50, 35 bps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from optimizer.errors import ConfigError, DataError, nearest
from optimizer.metrics.standard import Against, Compared, alternatives, brief, spoken, written
from optimizer.types import JSON, Output, Score

Pick = Literal["first", "last", "any"]
TOLERANCE = 0.005

_SCALES = {
    1e3: "thousand thousands k",
    1e5: "lakh lakhs",
    1e6: "million millions mio mn mm m",
    1e7: "crore crores",
    1e9: "billion billions bn b",
    1e12: "trillion trillions tn",
}
_UNITS = {
    "%": "% percent pct percentage_points percentage_point pp",
    "bps": "bps bp basis_points basis_point",
    "USD": "$ us$ usd dollars dollar",
    "EUR": "€ eur euros euro",
    "GBP": "£ gbp pounds pound",
    "JPY": "¥ jpy yen",
    "INR": "₹ inr rupees rupee",
    "CNY": "cny rmb yuan",
    "CHF": "chf francs",
}
_SCALE = {word: scale for scale, words in _SCALES.items() for word in words.split()}
_UNIT = {word.replace("_", " "): unit for unit, words in _UNITS.items() for word in words.split()}


def _any_of(words: Sequence[str]) -> str:
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word) + (r"(?![^\W\d_])" if word[-1].isalpha() else "") for word in ordered)


_BEFORE = _any_of([word for word in _UNIT if not word.startswith(("%", "p", "b"))])
_QUANTITY = re.compile(
    rf"(?:(?P<open>\()\s?)?(?P<word>\b(?:minus|negative)\s)?(?P<sign>(?<![\w.])[-+−–])?\s?(?P<before>{_BEFORE})?\s?(?P<inner>[-−])?"
    r"(?P<digits>(?:\d{1,3}(?:[,.'’\u00a0\u202f\u2009]\d{2,3})+|\d+)(?:[.,]\d+)?|[.,]\d+)(?:e(?P<power>[-+]?\d{1,3})(?!\w))?"
    rf"(?:[\s-]?(?P<scale>{_any_of(list(_SCALE))}))?(?:[\s-]?(?P<after>{_any_of(list(_UNIT))}))?\s?(?P<close>\))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """`unit`: "%", "USD" ... or "" where none is written. Percentages keep their figure: 12 % is 12."""

    value: float
    unit: str
    text: str


def numeric(
    *,
    tolerance: float = TOLERANCE,
    absolute: float = 0.0,
    pick: Pick = "first",
    decimal: Literal[".", ","] = ".",
    against: Against = "auto",
) -> Compared:
    """1 where the number is right, else 0.

    `tolerance`: share of the right number by which ours may be off; `absolute`: the same as a figure; the
    wider one counts, but a year is right or wrong. Scale words, thousands separators and accounting's
    parentheses are read. Where both sides name a unit it must be the same. Of several numbers in a reply
    those in the right unit come first, then `pick` decides. `decimal`: the sign before decimals, where
    "1.234" could mean either.
    """
    check_tolerances(tolerance, absolute)
    if pick not in get_args(Pick):
        raise ConfigError(
            f"metric 'numeric': pick must be first, last or any, found {pick!r}.{nearest(str(pick), get_args(Pick))}"
        )
    if decimal not in (".", ","):
        raise ConfigError(f"metric 'numeric': decimal must be '.' or ',', found {decimal!r}")

    def compare(output: Output, answer: JSON) -> Score:
        said: JSON = spoken(output) if isinstance(output.value, str | dict | list | None) else output.value
        scores = [_hold(said, right) for right in alternatives(output, answer)]
        return max(scores, key=lambda score: score.value)

    def _hold(said: JSON, answer: JSON) -> Score:
        right = quantities(answer, decimal)
        if not right:
            raise DataError(f"the right answer {brief(answer)} holds no number")
        found = candidates(quantities(said, decimal), right[0], pick)
        if any(near(ours, right[0], tolerance, absolute) for ours in found):
            return Score(1.0)
        return Score(0.0, f"expected {right[0].text}, got {found[0].text if found else f'no number in {brief(said)}'}")

    return Compared(compare, against)


def check_tolerances(tolerance: object, absolute: object) -> None:
    for name, value in (("tolerance", tolerance), ("absolute", absolute)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ConfigError(f"metric 'numeric': {name} must be a number of 0 or more, found {value!r}")


def near(ours: Quantity, right: Quantity, tolerance: float, absolute: float) -> bool:
    """Whether the numbers agree, beyond what floating point loses, and no two different units are named."""
    if ours.unit and right.unit and ours.unit != right.unit:
        return False
    if _is_year(right) and not absolute:
        return ours.value == right.value
    return abs(ours.value - right.value) <= max(absolute, tolerance * abs(right.value), 1e-9 * abs(right.value))


def candidates(found: Sequence[Quantity], right: Quantity, pick: Pick) -> Sequence[Quantity]:
    """Those that may be the answer: in the right unit, else without one; years only where a year is asked for."""
    same = [quantity for quantity in found if quantity.unit == right.unit and right.unit]
    bare = [quantity for quantity in found if not quantity.unit] if right.unit else list(found)
    left = same or bare or list(found)
    if not _is_year(right):
        left = [quantity for quantity in left if not _is_year(quantity)] or left
    return left if pick == "any" else left[:1] if pick == "first" else left[-1:]


def quantities(answer: JSON, decimal: str = ".") -> list[Quantity]:
    """All numbers in an answer, in order."""
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return [Quantity(float(answer), "", f"{answer}")]
    return [_quantity(match, decimal) for match in _QUANTITY.finditer(written(answer)) if _stands_alone(match)]


def _stands_alone(match: re.Match[str]) -> bool:
    """Not the digits of a name or a code: Q3, GPT-4o, A1."""
    text, start, end = match.string, match.start("digits"), match.end()
    glued = start > 0 and (text[start - 1].isalpha() or text[start - 1] == "_") and not match["before"]
    return not glued and not (end < len(text) and text[end].isalpha() and text[end - 1].isalnum())


def _quantity(match: re.Match[str], decimal: str) -> Quantity:
    value = _figure(match["digits"], decimal) * float(f"1e{match['power'] or 0}")  # 1e999 is inf, not an error
    value *= _SCALE[match["scale"].casefold()] if match["scale"] else 1.0
    unit = _UNIT[(match["before"] or match["after"] or "").casefold()] if match["before"] or match["after"] else ""
    if unit == "bps":
        value, unit = value / 100, "%"
    within = match["open"] and match["close"]
    if within or match["word"] or (match["sign"] or match["inner"] or "+") != "+":
        value = -value
    text = match[0].strip() if within else match[0].strip().strip("()").strip()
    return Quantity(value, unit, text)


def _figure(digits: str, decimal: str) -> float:
    """Which sign divides thousands, and which decimals: by position where it can be told, else by `decimal`."""
    digits = re.sub(r"['’\u00a0\u202f\u2009]", "", digits)
    kinds = {sign for sign in digits if sign in ".,"}
    if len(kinds) == 2:
        point = max(kinds, key=digits.rindex)
    elif len(kinds) == 1:
        (sign,) = kinds
        groups = digits.split(sign)
        thousands = all(len(group) == 3 for group in groups[1:]) and groups[0] not in ("", "0")
        grouped = len(groups) > 2 or (thousands and sign != decimal)
        point = "" if grouped else sign
    else:
        point = ""
    whole = "".join(sign for sign in digits if sign.isdigit() or sign == point)
    return float(whole.replace(point, ".") if point else whole)


def _is_year(quantity: Quantity) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d\d", quantity.text))
