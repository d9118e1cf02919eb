"""Answers a question from passages: finds the passage, the sentence, the figure, and says where it stands."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.form import Field
from optimizer.offline.mind import Mind
from optimizer.offline.words import sentences, stems

_ID = re.compile(
    r"^\s*(?:#+\s*)?(?:[\[(<]\s*(?:id\s*=\s*[\"']?|passage |source |doc(?:ument)? )?([\w.\-]{1,24})[\"']?\s*[\])>]|(?:Passage|Source|Document|Doc|Excerpt)\s+([\w.\-]{1,12})\b)\s*[:.\-–—]?\s*",
    re.I | re.M,
)
_NUMBER = re.compile(
    r"[-−(]?(?:[$€£]\s?|USD |EUR |GBP |CHF |SEK )?-?\d[\d,]*(?:\.\d+)?\)?(?:\s?(?:%|per ?cent|percentage points|million|billion|thousand|bn|m|k)\b|\s?%)?"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d(?:/\d\d)?\b")


def value(field: Field, mind: Mind) -> str | float | None:
    """What a field of an answer from passages holds: the passage's id, a figure, a unit, or the sentence."""
    found = find(mind)
    name = f"{field.name} {field.about}".lower()
    if re.search(r"\b(?:source|passage|citation|cite|evidence|reference|doc)", field.name.lower()):
        return found.passage or None
    if field.kind == "number" or re.search(r"figure|value|amount|number", field.name.lower()):
        digits = found.figure.replace(",", "")
        return (float(digits) if digits else None) if field.kind == "number" else found.figure or None
    if re.search(r"\bunit|currency|scale", name):
        return found.unit or None
    return found.sentence or None


@dataclass(frozen=True)
class Finding:
    passage: str = ""
    sentence: str = ""
    figure: str = ""
    unit: str = ""


def is_question(inputs: tuple[tuple[str, str], ...]) -> bool:
    names = [name for name, _ in inputs]
    return any("question" in name or "query" in name for name in names) and len(inputs) > 1


@lru_cache(512)
def passages(text: str) -> tuple[tuple[str, str], ...]:
    """(id, text) of each passage; lists of JSON objects, bracketed ids and headings are understood."""
    try:
        rows = json.loads(text)
        return tuple((str(row.get("id", number + 1)), str(row.get("text", row))) for number, row in enumerate(rows))
    except (ValueError, AttributeError, TypeError):
        pass
    found = list(_ID.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    pieces = [((m[1] or m[2]), text[m.end() : end].strip()) for m, end in zip(found, ends, strict=True)]
    return tuple(pieces) or (("", text),)


def find(mind: Mind) -> Finding:
    inputs = mind.reading.inputs
    question = next((text for name, text in inputs if "question" in name or "query" in name), inputs[-1][1])
    context = "\n\n".join(text for name, text in inputs if text != question)
    wanted = mind.bag(question)
    years = frozenset(_YEAR.findall(question))
    best, top = Finding(), -9.0
    for identity, text in passages(context):
        whole = mind.bag(text)
        general = sum(1.0 for word in wanted if word in whole) / (1 + len(wanted))
        for sentence in _units(text):
            fit = _fit(sentence, wanted, years, mind) + general + 0.8 * mind.sway("passage", identity, sentence)
            if fit > top:
                best, top = Finding(identity, sentence, *_figure(sentence, wanted, years, mind)), fit
    return best


@lru_cache(4096)
def _units(text: str) -> tuple[str, ...]:
    return tuple(sentences(text))


def _fit(sentence: str, wanted: Counter[str], years: frozenset[str], mind: Mind) -> float:
    bag = mind.bag(sentence)
    shared = sum((0.5 if word[0] == "@" else 1.0) for word in wanted if word in bag)
    dated = 0.8 if years and years & set(_YEAR.findall(sentence)) else 0.0
    return shared / (2 + math.sqrt(bag.total())) * 2 + dated + (0.4 if _NUMBER.search(_YEAR.sub("", sentence)) else 0.0)


def _figure(sentence: str, wanted: Counter[str], years: frozenset[str], mind: Mind) -> tuple[str, str]:
    """The number of a sentence that stands nearest to the question's words and year."""
    options = []
    for match in _NUMBER.finditer(sentence):
        text = match[0].strip(" ()")
        if not re.search(r"\d", text) or _YEAR.fullmatch(text):
            continue
        near = stems(sentence[max(0, match.start() - 60) : match.end() + 25])
        fit = sum(1.0 for word in near if word in wanted)
        close = sentence[max(0, match.start() - 30) : match.end() + 30]
        fit += 1.0 if years & set(_YEAR.findall(close)) else 0.0
        options.append((fit + mind.sway("figure", text), text))
    if not options:
        return "", ""
    text = max(options)[1]
    number = re.search(r"-?\d[\d,]*(?:\.\d+)?", text.replace("−", "-"))
    return (number[0] if number else text), re.sub(r"[-\d.,\s]", "", text)
