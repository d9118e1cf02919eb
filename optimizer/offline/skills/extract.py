"""Fills fields from a text: candidates of the right type, ranked by the words around them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.mind import Mind
from optimizer.offline.reading.field import Field
from optimizer.offline.words import WORD, sentences, stem, stems

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_DAY = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
_PATTERNS = {
    "mail": re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+\w"),
    "money": re.compile(
        r"[$€£]\s?\d[\d,]*(?:\.\d+)?(?: ?(?:million|billion|thousand|[kmb]n?))?\b"
        r"|\b\d[\d,]*(?:\.\d+)? ?(?:dollars|euros?|pounds|usd|eur|gbp|cents|pence)\b", re.I),
    "date": re.compile(
        rf"\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}\b"
        rf"|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?\b"
        rf"|\b(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?\b"
        rf"|\b(?:next |this )?{_DAY}\b|\btomorrow\b|\btoday\b"
        r"|\bthe \d{1,2}(?:st|nd|rd|th)\b", re.I),
    "time": re.compile(
        r"\b\d{1,2}(?::\d\d)? ?(?:am|pm|a\.m\.|p\.m\.|o'clock)|\b\d{1,2}:\d\d\b|\bnoon\b|\bmidnight\b", re.I),
    "duration": re.compile(
        r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|a|an)(?:\s?(?:-|to|or)\s?\w+)? "
        r"(?:business |working )?(?:minute|hour|day|week|month|year)s?\b", re.I),
    "percent": re.compile(r"-?\d+(?:\.\d+)? ?(?:%|per ?cent)"),
    "phone": re.compile(r"\+?\d[\d\-\s().]{7,}\d"),
    "id": re.compile(r"#?\b(?=[A-Z0-9\-]*\d)[A-Z]{0,5}-?\d[A-Z0-9]*(?:-[A-Z0-9]+)*\b"),
    "number": re.compile(r"-?\b\d[\d,]*(?:\.\d+)?\b"),
    "name": re.compile(
        r"(?:(?:[Mm]y name(?:'s| is)|[Tt]his is|I'm|I am|name is|[Ss]peaking with"
        r"|[Cc]alled|[Ii]t's|[Hh]i|[Hh]ello|Mr\.?|Mrs\.?|Ms\.?|Dr\.?),? )"
        r"((?:[A-Z][\w'’\-]+)(?: (?:[A-Z][\w'’\-]+|[A-Z]\.))*)"),
}  # fmt: skip
_ROLE_WORDS = {
    "mail": "email mail", "money": "amount price cost fee total sum refund charge credit paid payment balance money",
    "date": "date day deadline due when", "time": "time hour slot", "duration": "duration long period wait within",
    "percent": "percent percentage rate share", "phone": "phone telephone mobile",
    "id": "id number reference ref identifier code order account policy claim ticket invoice booking meter case",
    "number": "count number many quantity score", "name": "name caller customer agent person who contact",
}  # fmt: skip
_ROLES = {role: frozenset(stems(words)) | {stem(word) for word in words.split()} for role, words in _ROLE_WORDS.items()}


@dataclass(frozen=True)
class Candidate:
    text: str
    around: frozenset[str]
    before: frozenset[str]
    at: float  # 0 at the beginning of the text, 1 at its end


def role_of(name: str, about: str) -> str | None:
    """What type of value a field wants, by its name first, then by what is said about it."""
    for text in (name.replace("_", " "), about):
        words = {stem(word.lower()) for word in WORD.findall(text)}
        best = max(_ROLES, key=lambda role: len(_ROLES[role] & words))
        if _ROLES[best] & words:
            return best
    return None


@lru_cache(2048)
def candidates(text: str, role: str) -> tuple[Candidate, ...]:
    found = []
    for match in _PATTERNS[role].finditer(text):
        value = match[1] if match.re.groups and match[1] else match[0]
        before = text[max(0, match.start() - 90) : match.start()]
        after = text[match.end() : match.end() + 50]
        found.append(
            Candidate(
                value.strip().strip(".,"), frozenset(stems(before + " " + after)), frozenset(stems(before[-45:])),
                match.start() / max(1, len(text)),
            )
        )  # fmt: skip
    return tuple(found)


def fill(field: Field, mind: Mind) -> str | None:
    """The text of the likeliest candidate, or None where nothing of the kind is found."""
    role = role_of(field.name, field.about)
    if role is None:
        return None
    options = candidates(mind.reading.text, role)
    if not options:
        return None
    wanted = frozenset(stems(f"{field.name} {field.about}"))
    return _best(options, wanted, field, mind).text


def _best(options: Sequence[Candidate], wanted: frozenset[str], field: Field, mind: Mind) -> Candidate:
    def fit(option: Candidate) -> float:
        near = len(wanted & option.before) + 0.4 * len(wanted & option.around)
        return near + 0.3 * (1 - option.at) + 1.2 * mind.sway(field.name, option.text)

    return max(options, key=lambda option: (fit(option), option.text))


def likely_sentence(field: Field, mind: Mind) -> str:
    """The sentence that speaks most of what the field is about."""
    wanted = mind.bag(f"{field.name} {field.about}")
    options = list(dict.fromkeys(sentences(mind.reading.text)))[:120]

    def fit(number: int, text: str) -> float:
        bag = mind.bag(text)
        shared = sum(min(bag[word], count) for word, count in wanted.items() if word in bag)
        return shared / math.sqrt(3 + bag.total()) + 0.2 / (1 + number) + 0.3 * mind.sway(field.name, text)

    if not options:
        return ""
    best = max(range(len(options)), key=lambda number: (fit(number, options[number]), -number))
    return re.sub(r"^(?:Agent|Customer|Caller|[A-Z]\w+):\s*", "", options[best])
