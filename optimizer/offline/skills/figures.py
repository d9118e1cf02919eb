"""Figures in passages of a report: what each one measures, for when, in which unit, and how far it can be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from optimizer.offline.words import listed, phrases, sentences

YEAR = re.compile(r"\b(?:19|20)\d\d(?:/\d\d)?\b")
_NUMBER = re.compile(
    r"(?P<open>\()?(?P<minus>[-−](?=[€$£]))?(?P<money>[€$£]|\b[A-Z]{3}\b)?[ \u00a0]?"
    r"(?P<sign>[-−])?(?P<digits>\d[\d,]*(?:\.\d+)?)"
    r"(?![\d/])(?:[ \u00a0]?(?P<unit>%|per ?cent(?:age points?)?|percentage points?|pp\b"
    r"|(?:million|billion|thousand|bn|m|k|x)\b))?"
    r"(?: (?P<thing>[a-zA-Z][\w\-]*))?"
)
_VOID = re.compile(
    r"(?:no longer|instead of|rather than|not|published[^.;]{0,25}(?:as|at|with|of))\s*(?:[A-Z]{3}|[€$£])?\s*$"
)
_MONTH = re.compile(r"\s*(?:January|February|March|April|May|June|July|August|September|October|November|December)\b")
_HALF = re.compile(r"\b(?:half[- ]year|first half|second half|six months|H1|H2|quarter|Q[1-4])\b", re.I)
#: A page, a threshold or a day: not what was measured.
_PLACE = re.compile(r"(?:slide|page|p\.|note|chapter|section|scope|than|December|June|September|March)\s*$")
_RANGE = re.compile(r"\d[^.;]{0,20}\b(?:to|and|-|–)\s*$")
_MOVED = re.compile(r"\b(?:by|up|down)(?: around| about)?\s*$")
_COMPARED = re.compile(r"\W*\w*\s*\w*\s*(?:higher|lower|more|less|above|below|up|down|increase|decrease|decline)\b")
_LOSS = re.compile(r"\b(?:loss|deficit|minus)(?: of)?\s*$")
_SCALES = {"m": "million", "bn": "billion", "k": "thousand"}
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP"}


@dataclass(frozen=True)
class Figure:
    """`about`: the words that say what it measures; `year`: as written, or ""; `change`: it says by how much."""

    passage: str
    value: str
    unit: str
    about: str
    year: str
    half: bool
    vague: bool  # a forecast, or not yet final
    change: bool
    table: bool
    restated: bool = False
    column: str = ""
    head: str = ""


@lru_cache(2048)
def figures(passage: str, text: str) -> tuple[Figure, ...]:
    head, _, body = text.partition(": ")
    if len(head) > 90 or "\n" in head:
        head, body = "", text
    found: list[Figure] = []
    lines = body.splitlines()
    rows = [line for line in lines if line.count("|") > 0]
    if len(rows) > 1:
        title = " ".join(line for line in lines if "|" not in line)
        found += _in_table(passage, f"{head} {title}", rows)
    for sentence in (s for line in lines if "|" not in line for s in sentences(line)):
        for clause in sentence.split("; ") if sentence.count(";") > 1 else [sentence]:
            found += _in_sentence(passage, head, sentence, clause)
    return tuple(found)


def _in_table(passage: str, title: str, rows: list[str]) -> Iterator[Figure]:
    header, *body = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]
    years = YEAR.findall(title)
    for row in body:
        label, *cells = row
        columns = header[-len(cells) :]
        unit = re.search(r"\(([^()]*)\)\s*$", label)
        for cell, column in zip(cells, columns, strict=False):
            number = re.fullmatch(r"[€$£]?\s?([-−(]?)(\d[\d,]*(?:\.\d+)?)\)?\s?%?", cell)
            if number:
                dated = YEAR.search(column)
                value = ("-" if number[1] else "") + number[2].replace(",", "")
                yield Figure(
                    passage, value, _row_unit(label, unit[1] if unit else ""), f"{label} {'' if dated else column}",
                    dated[0] if dated else (years[-1] if years else ""), bool(_HALF.search(title + column)), False,
                    False, True, False, "" if dated else column, title,
                )  # fmt: skip


def _row_unit(label: str, noted: str) -> str:
    """`Revenue (EUR million)`, `Customers (thousand)`, `Employees (year-end)`: what the row counts, and in what."""
    if re.match(r"%|x$|[A-Z]{2,3}\b|[a-z]?Wh|percentage", noted):
        return noted
    thing = label.partition("(")[0].strip().lower().split()
    noun = thing[-1] if thing else ""
    return f"{noted} {noun}" if noted.split()[:1] in (["thousand"], ["million"]) else (noted if " " in noted else noun)


def _in_sentence(passage: str, head: str, sentence: str, clause: str) -> Iterator[Figure]:
    words = {word.strip(".,:;").lower() for word in f"{head} {sentence}".split()}
    vague = not words.isdisjoint(listed("*forecast"))
    falling = not {word.strip(".,:;").lower() for word in clause.split()}.isdisjoint(listed("*down"))
    years = YEAR.findall(clause) or YEAR.findall(sentence) or YEAR.findall(head)
    last = ""
    restated = not words.isdisjoint({"restated", "adjusted", "corrected", "reads"})
    for match in _NUMBER.finditer(clause):
        digits, unit = match["digits"].rstrip(","), _unit(match)
        unit = last = unit or (last if match["open"] or _looks_back(clause[: match.start()]) else "")
        if (YEAR.fullmatch(digits) and not match["unit"] and not match["money"]) or (not unit and len(digits) < 3):
            continue
        before, after = clause[: match.start()], clause[match.end("digits") :]
        upper = vague and _RANGE.search(before)  # the end of a range, whose beginning is told
        if upper or _MONTH.match(after) or _VOID.search(before) or _PLACE.search(before):
            continue
        change = unit in ("%", "percentage points") and bool(_MOVED.search(before) or _COMPARED.match(after))
        negative = match["sign"] or match["minus"] or (change and falling) or _LOSS.search(before)
        year = _year_of(match, before, after, years, head)
        yield Figure(
            passage, ("-" if negative else "") + digits.replace(",", ""), unit, clause, year,
            bool(_HALF.search(f"{head} {clause}")), vague, change, False, restated,
            _segment(clause) or _segment(head), head,
        )  # fmt: skip


def _segment(text: str) -> str:
    """The part of a company that a sentence or a heading speaks of."""
    name = r"((?:[A-Z][\w\-]*)(?:(?: |, | and | & )(?:[a-z]+ )?[A-Z][\w\-]*)*)"
    found = re.search(rf"\b{name} (?:segment|business|division|unit)\b", text)
    found = found or re.search(rf"\b(?:segment|division|business unit):? {name}", text)
    return found[1] if found else ""


def _unit(match: re.Match[str]) -> str:
    scale = match["unit"] or ""
    if scale == "pp" or "age" in scale:
        return "percentage points"
    if scale == "%" or scale.startswith("per"):
        return "%"
    scale = _SCALES.get(scale, scale)
    money = match["money"] or ""
    if money and (money in _SIGNS or money in ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "JPY", "PLN", "HUF")):
        return f"{_SIGNS.get(money, money)} {scale}".strip()
    thing = match["thing"] or ""
    known = (
        thing
        if thing and thing.lower() not in listed("*stop") and thing.lower() not in ("times", "while", "there")
        else ""
    )
    return f"{scale} {known}".strip() if scale or known else ("x" if thing == "times" else "")


def _year_of(match: re.Match[str], before: str, after: str, years: list[str], head: str) -> str:
    """The year that a figure of running text belongs to."""
    told = re.match(
        r"[^.;()]{0,22}?\b(?:in|for|at|of)(?: the end of| year-end| financial year| FY| 31 December)?"
        r" ((?:19|20)\d\d(?:/\d\d)?)",
        after,
    )
    if told and not _NUMBER.search(after[: told.start(1)].replace("31 December", "")):
        return told[1]
    near = re.search(r"((?:19|20)\d\d(?:/\d\d)?)[^.;()]{0,30}$", before)
    if _ago(after[len(match["unit"] or "") :]):
        return earlier(_main(years, head))
    if match["open"] or (_looks_back(before) and not (near and before.endswith(near[0]) and "reads" in before)):
        inside = re.search(r"((?:19|20)\d\d(?:/\d\d)?):?\s*$", before)
        return inside[1] if inside else earlier(_main(years, head))
    return near[1] if near else _main(years, head)


def _looks_back(before: str) -> bool:
    """Whether the words before a figure say that it is an earlier one: `compared with`, `(previous year: `."""
    found = list(phrases("back").finditer(before[-60:]))
    rest = before[-60:][found[-1].end() :] if found else ""
    return bool(found) and bool(re.fullmatch(r"(?: of| was| were|:|,)?[^.;,()\d]{0,22}", rest))


def _ago(after: str) -> bool:
    """Whether the words behind a figure say that it is an earlier one: `a year earlier`, an arrow."""
    found = phrases("ahead").search(after[:34])
    return bool(re.match(r"\W*\w*\W*(?:→|->)", after)) or bool(
        found and re.fullmatch(r"[^.;()\d]{0,14}", after[: found.start()])
    )


def _main(years: list[str], head: str) -> str:
    named = YEAR.findall(head)
    return named[0] if named else (max(years) if years else "")


def earlier(year: str) -> str:
    first, slash, last = year.partition("/")
    if not first.isdigit():
        return ""
    return f"{int(first) - 1}" + (f"/{(int(last) - 1) % 100:02d}" if slash else "")
