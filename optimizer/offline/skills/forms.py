"""Puts what was found in a text into the form that a description asks for: dates, times, lengths, identifiers."""

from __future__ import annotations

import re

from optimizer.offline.mind import Mind
from optimizer.offline.reading.field import Field
from optimizer.offline.skills import extract

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBERS = {word: number for number, word in enumerate(_WORDS)} | {
    "a": 1,
    "an": 1,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
}
_COUNT = re.compile(rf"\b(?:\d[\d,]*(?:\.\d+)?|{'|'.join(w for w in _NUMBERS if len(w) > 2)})\b", re.IGNORECASE)
_UNITS = {"minute": 1, "hour": 60, "day": 1440}


def in_form(text: str, about: str) -> str:
    """`text` as `about` wants it; as it stands where nothing is asked, or where it cannot be done."""
    if "YYYY-MM-DD" in about:
        return _date(text, about) or text
    if "HH:MM" in about:
        return _time(text) or text
    if re.search(r"without (?:the |a |any )?(?:dash|hyphen|#)", about):
        text = re.sub(r"[-#\s]", "", text)
    if re.search(r"\b(?:upper ?case|capitals)\b", about, re.IGNORECASE):
        text = text.upper()
    return text


def number_in(field: Field, mind: Mind) -> float | None:
    """A number; a length of time in the unit that the description names, else in whichever it was said."""
    name = f"{field.name} {field.about}".lower()
    if re.search(r"\b(?:length|duration|long|minutes)\b", name):
        found = extract.fill(Field(field.path, "text", about=f"duration {field.about}"), mind)
        return _length(found, field.about) if found else None
    text = mind.reading.text
    for role in ("date", "time", "duration", "id", "money", "mail"):  # their numbers count nothing
        for taken in extract.candidates(text, role):
            if not taken.text.isdigit():
                text = text.replace(taken.text, " ", 1)
    counts = list(_COUNT.finditer(text))
    if not counts:
        return None
    best = max(counts, key=lambda match: mind.sway(field.name, match[0]) - match.start() / max(1, len(text)))
    return _as_number(best[0])


def _length(text: str, about: str) -> float | None:
    told = re.match(r"(\S+?)(?:[\s-]+(?:to|or)[\s-]+\S+)?[\s-]+(?:business |working )?(minute|hour|day)", text.lower())
    if not told or (count := _as_number(told[1])) is None:
        return None
    wanted = next((unit for unit in _UNITS if f"in {unit}s" in about.lower()), None)
    return count * _UNITS[told[2]] / _UNITS[wanted] if wanted else count


def _as_number(text: str) -> float | None:
    word = text.lower().replace(",", "")
    if word in _NUMBERS:
        return float(_NUMBERS[word])
    return float(word) if re.fullmatch(r"\d+(?:\.\d+)?", word) else None


def _date(text: str, about: str) -> str | None:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    day = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", text)
    month = re.search("|".join(_MONTHS), text.lower())
    year = re.search(r"\b\d{4}\b", text) or re.search(r"\b20\d\d\b", about)
    if not (day and month and year):
        return None
    return f"{year[0]}-{_MONTHS.index(month[0]) + 1:02}-{int(day[1]):02}"


def _time(text: str) -> str | None:
    plain = text.lower().replace(".", "")
    if plain in ("noon", "midnight"):
        return "12:00" if plain == "noon" else "00:00"
    found = re.match(r"(\d{1,2})(?::(\d\d))? ?(am|pm|o'clock)?", plain)
    if not found:
        return None
    hour = int(found[1]) % 12 + 12 * (found[3] == "pm") if found[3] in ("am", "pm") else int(found[1])
    return f"{hour:02}:{found[2] or '00'}"
