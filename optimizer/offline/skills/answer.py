"""Answers a question from passages: finds the figure that fits the question best, and says where it stands."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.mind import Mind
from optimizer.offline.reading.field import Field
from optimizer.offline.skills.figures import YEAR, Figure, figures
from optimizer.offline.words import phrases, stems

_ID = re.compile(
    r"^\s*(?:#+\s*)?(?:[\[(<]\s*(?:id\s*=\s*[\"']?|passage |source |doc(?:ument)? )?([\w.\-]{1,24})[\"']?\s*[\])>]"
    r"|(?:Passage|Source|Document|Doc|Excerpt)\s+([\w.\-]{1,12})\b)\s*[:.\-–—]?\s*",
    re.IGNORECASE | re.MULTILINE,
)
_GROWTH = re.compile(
    r"\b(?:organic|like-for-like|same-store|comparable|constant currenc\w+|underlying) ?(?:growth)?", re.I
)
_FUTURE = re.compile(r"\b(?:forecast|expect\w*|guid\w+|outlook|target\w*|plan\w*|predict\w*)\b", re.I)
_HALF = re.compile(r"\b(?:H1|H2|first half|half[- ]year|six months)\b", re.I)


@dataclass(frozen=True)
class Asked:
    """What a question wants."""

    text: str
    years: tuple[str, ...]
    half: bool
    future: bool
    change: bool
    growth: bool  # what is measured is itself a growth


def value(field: Field, mind: Mind) -> str | float | None:
    """What a field of an answer from passages holds: the passage's id, a figure, a unit, or words."""
    if "finding" not in mind.memo:
        mind.memo["finding"] = find(mind)
    found: Figure | None = mind.memo["finding"]
    name, about = field.name.lower(), field.about.lower()
    if re.search(r"source|passage|citation|cite|evidence|reference|doc|id$", name):
        return found.passage if found else None
    if re.search(r"unit|currency|scale", name):
        return _unit_among(found.unit, _known_units(mind), bool(field.labels), mind) if found else None
    if field.kind == "number" and found:
        return float(found.value)
    if found and (
        re.search(r"figure|value|amount|number|result", name) or re.search(r"\bfigure|\bnumber|digits", about)
    ):
        return found.value
    return f"{found.value} {found.unit}".strip() + f" [{found.passage}]" if found else None


def _known_units(mind: Mind) -> tuple[str, ...]:
    """Units that the form of the reply lists, or that the guidance gives as examples, if this reader takes them in."""
    listed = next((field.labels for field in mind.reading.form.fields if "unit" in field.name.lower()), ())
    return listed or (() if mind.slips(1 - mind.persona.prose, "units") else _units_told(mind.reading.rules))


def _unit_among(unit: str, known: tuple[str, ...], closed: bool, mind: Mind) -> str:
    """The unit in the words of a list of units. A list that is not `closed` only gives other words for the same."""
    if not known or unit in known:
        return unit
    best = max(known, key=lambda name: (_same_unit(unit, name, mind), -len(name)))
    return best if closed or _same_unit(unit, best, mind) else unit


def _same_unit(unit: str, name: str, mind: Mind) -> int:
    return 2 * (name.lower() in unit.lower()) + int((mind.bag(name) & mind.bag(unit)).total())


@lru_cache(256)
def _units_told(rules: str) -> tuple[str, ...]:
    """Units that the guidance gives as examples: `the unit is what is counted, e.g. employees, days`."""
    told = [text for text in re.split(r"\n\s*\n", rules) if re.search(r"\bunits?\b", text, re.IGNORECASE)]
    lists = [
        found
        for text in told
        for found in re.findall(r"(?:e\.g\.|such as|for example),? ([^.;()]+)", " ".join(text.split()))
    ]
    return tuple(
        name.strip(" \"'`") for names in lists for name in re.split(r",| or ", names) if 0 < len(name.split()) < 3
    )


def is_question(inputs: tuple[tuple[str, str], ...]) -> bool:
    return len(inputs) > 1 and any("question" in name or "query" in name for name, _ in inputs)


@lru_cache(512)
def passages(text: str) -> tuple[tuple[str, str], ...]:
    """(id, text) of each passage; lists of JSON objects, bracketed ids and headings are understood."""
    try:
        rows = json.loads(text)
        return tuple((str(row.get("id", number + 1)), str(row.get("text", row))) for number, row in enumerate(rows))
    except (ValueError, AttributeError, TypeError):
        pass
    found = list(_ID.finditer(text))
    if not found:
        return (("", text),)
    ends = [match.start() for match in found[1:]] + [len(text)]
    return tuple(((m[1] or m[2]), text[m.end() : end].strip()) for m, end in zip(found, ends, strict=True))


@lru_cache(512)
def _asked(text: str) -> Asked:
    years = tuple(dict.fromkeys(YEAR.findall(text)))
    return Asked(
        text,
        years,
        bool(_HALF.search(text)),
        bool(_FUTURE.search(text)),
        bool(phrases("asks-change").search(text)),
        bool(_GROWTH.search(text)),
    )


def find(mind: Mind) -> Figure | None:
    """The figure that this reader takes for the answer."""
    inputs = mind.reading.inputs
    question = next((text for name, text in inputs if "question" in name or "query" in name), inputs[-1][1])
    context = "\n\n".join(text for _, text in inputs if text != question)
    options = [figure for name, text in passages(context) for figure in figures(name, text)]
    if not options:
        return None
    asked = _asked(question)
    wanted = mind.bag(YEAR.sub("", question))
    bags = {about: mind.bag(about) for about in {figure.about for figure in options}}
    spread = Counter(word for bag in bags.values() for word in bag)
    rare = {
        word: math.log(1.5 + len(bags) / spread[word]) * (1.3 if word[0] == "@" else 0.8)
        for word in wanted
        if spread[word]
    }
    units = _unit_hint(question)
    known = _known_units(mind)
    odd = {
        u for u in {figure.unit for figure in options} if known and not any(_same_unit(u, name, mind) for name in known)
    }

    def fit(figure: Figure) -> float:
        bag = bags[figure.about]
        metric = sum(weight for word, weight in rare.items() if word in bag) / (1 + 0.02 * bag.total())
        metric -= 2.0 if figure.unit in odd and not _is_money(figure.unit) and figure.unit != "%" else 0.0
        return metric + _suits(figure, asked, units) + 8.0 * mind.sway("figure", figure.passage, figure.value)

    return max(options, key=lambda figure: (fit(figure), figure.passage, figure.value))


def _suits(figure: Figure, asked: Asked, units: frozenset[str]) -> float:
    """Whether time, kind and unit of a figure are what was asked for."""
    score = 0.0
    if asked.years:
        wanted = asked.years[-1]
        score += 2.0 if figure.year == wanted else -1.5 if figure.year else -0.5
    score -= 2.5 if figure.half != asked.half else 0.0
    score -= 2.0 if figure.vague != asked.future else 0.0
    score -= (0.5 if asked.growth else 3.0) if figure.change != asked.change else 0.0
    score += 1.2 if figure.restated and figure.year in asked.years else 0.0
    if figure.column:
        part = set(stems(figure.column))
        score += 1.5 if part <= set(stems(asked.text)) else -2.5
    if told := re.search(r"according to (?:the )?(.+?)[?.]*$", asked.text):
        kinds = set(stems(told[1]))
        score += 1.2 * len(kinds & set(stems(figure.head))) / (1 + len(kinds))
    if units and figure.unit:
        score += 0.8 if (figure.unit.split()[0] in units or ("money" in units and _is_money(figure.unit))) else -0.6
    return score


def _is_money(unit: str) -> bool:
    return len(unit.partition(" ")[0]) == 3 and unit[:3].isupper()


def _unit_hint(question: str) -> frozenset[str]:
    """What kind of unit the question's wording asks for."""
    text = question.lower()
    if re.search(r"per ?cent|percentage|\brate\b|margin|share of|ratio|growth|how fast", text):
        return frozenset({"%", "percentage", "x"})
    if re.search(r"how many|number of|headcount|workforce", text):
        return frozenset({"employees", "thousand", "million", "stores", "FTE", "trainees", "days", "customers"})
    if re.search(r"spend|earn|cash|profit|revenue|turnover|sales|debt|assets|investments|\bpay\b", text):
        return frozenset({"money"})
    return frozenset()
