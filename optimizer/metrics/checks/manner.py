"""How an answer is given: whether it declines, and whether it has a form that the reply's contract does not state."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, get_args

from optimizer.errors import ConfigError, nearest
from optimizer.metrics.standard import Against, Alone, Compared, brief, spoken, written
from optimizer.metrics.values.numeric import quantities
from optimizer.types import JSON, Output, Score

Form = Literal["json", "number", "date", "list", "table", "line"]
_OPENING = 300  # characters: who declines says so at once
_DECLINES = re.compile(
    r"\b(?:i(?:['’]m| am) (?:sorry|afraid|unable|not able)|i (?:can(?:no|['’])t|cannot|won['’]t|will not|must decline|"
    r"don['’]t|do not) (?:help|assist|answer|provide|comply|fulfil|do that|create|share|discuss|know|"
    r"have (?:enough|access)|find)|i apologi[sz]e|as an ai\b|(?:not|no) (?:enough|sufficient) information|"
    r"(?:can(?:no|['’])t|cannot) (?:be (?:answered|determined)|help with|assist with|comply)|"
    r"unable to (?:answer|help|assist|comply|determine)|"
    r"(?:is|are) not (?:provided|mentioned|stated) in the (?:context|passages?|documents?|text))",
    re.IGNORECASE,
)


def refusal(
    *, wanted: Literal["never", "gold"] = "never", phrases: Sequence[str] = (), against: Against = "auto"
) -> Compared:
    """1 for an answer that does not decline; with `wanted: gold`, where it declines just if the right answer does.

    Known by what English answers begin with; `phrases` are yours, in any language. What the provider's own filter
    declines is no answer at all and scores 0.
    """
    kinds = ("never", "gold")
    if wanted not in kinds:
        hint = nearest(str(wanted), kinds)
        raise ConfigError(f"metric 'refusal': wanted must be never or gold, found {wanted!r}.{hint}")
    own = [phrases] if isinstance(phrases, str) else list(phrases)
    if not all(isinstance(phrase, str) and phrase.strip() for phrase in own):
        raise ConfigError(f"metric 'refusal': phrases must be a list of texts, found {phrases!r}")

    def declines(text: str) -> bool:
        begins = " ".join(text.split())[:_OPENING]
        return bool(_DECLINES.search(begins)) or any(phrase.casefold() in begins.casefold() for phrase in own)

    def compare(output: Output, answer: JSON) -> Score:
        should = wanted == "gold" and declines(written(answer))
        if declines(spoken(output)) == should:
            return Score(1.0)
        return Score(0.0, "answers where it should decline" if should else f"declines: {brief(output.text)}")

    return Compared(compare, against) if wanted == "gold" else Alone(compare)


def form(*, kind: Form, fences: bool = False) -> Compared:
    """1 for an answer in this form: json, number, date (ISO), list or table (Markdown), line (one only); else 0.

    `fences`: whether a Markdown fence around it is allowed. Whether a reply keeps its contract is `valid`.
    """
    if kind not in get_args(Form):
        hint, known = nearest(str(kind), get_args(Form)), ", ".join(get_args(Form))
        raise ConfigError(f"metric 'format': kind: {kind!r} is not known.{hint} Known: {known}")

    def compare(output: Output, _answer: JSON) -> Score:
        text = output.text.strip()
        if fences and (inner := re.fullmatch(r"```\w*\n(.*?)\n?```", text, re.DOTALL)):
            text = inner[1].strip()
        return Score(1.0) if text and _FORMS[kind](text) else Score(0.0, f"is no {kind}: {brief(output.text)}")

    return Alone(compare)


def _json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _number(text: str) -> bool:
    found = quantities(text)
    return len(found) == 1 and len(text) <= len(found[0].text) + 2


def _date(text: str) -> bool:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False


def _lines(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: all(compiled.match(line) for line in text.splitlines() if line.strip())


def _table(text: str) -> bool:
    rows = [line.strip() for line in text.splitlines() if line.strip()]
    return len(rows) > 2 and all("|" in row for row in rows) and bool(re.fullmatch(r"[\s|:-]*-[\s|:-]*", rows[1]))


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "json": _json,
    "number": _number,
    "date": _date,
    "list": _lines(r"\s*(?:[-*+•]|\d+[.)])\s+\S|\s{2,}\S"),
    "table": _table,
    "line": lambda text: "\n" not in text,
}
