"""Writes an answer down: in the form that was asked for, or with the habits of the persona."""

from __future__ import annotations

import json
import re
from typing import Any

from optimizer.offline.mind import Mind
from optimizer.offline.reading.define import norm
from optimizer.offline.reading.form import Form

_SYNONYMS = {
    "high": "urgent", "low": "minor", "medium": "normal", "negative": "dissatisfied", "positive": "satisfied",
    "neutral": "neither positive nor negative", "true": "yes", "false": "no",
}  # fmt: skip
_OPENINGS = (
    "Sure! Here is the result:",
    "Here is the JSON you asked for:",
    "Certainly. Based on the input, I would say:",
)


def obedience(form: Form, mind: Mind) -> float:
    """The share of replies that keep to the form: the clearest statement counts, and examples help."""
    persona, reading = mind.persona, mind.reading
    ways = [persona.obeys[way] for way in ("shown", "told", "examples", "hinted") if way in form.given]
    share = max(ways, default=persona.obeys["hinted"])
    if len(ways) > 1:  # one clear statement and another: the second catches half of what is left
        share += 0.5 * (1 - share)
    if form.strict and share < 1:
        share += 0.25 * (1 - share)
    if reading.told_last:
        share += persona.end_bonus * (1 - share)
    if reading.style == "xml":
        share -= persona.mirrors * (1 - share)
    return share


def write(values: dict[tuple[str, ...], Any], mind: Mind, *, json_only: bool) -> str:
    form = mind.reading.form
    obeys = not mind.slips(1 - obedience(form, mind), "form")
    body = _json(values) if form.as_json and () not in values else str(next(iter(values.values()), ""))
    if json_only:
        return body
    if not obeys:
        body = _disobey(body, values, mind)
    if form.reasoning == "first":
        return _with_thoughts(body, values, mind)
    return body


def _json(values: dict[tuple[str, ...], Any]) -> str:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return json.dumps(tree, ensure_ascii=False)


def _disobey(body: str, values: dict[tuple[str, ...], Any], mind: Mind) -> str:
    """One of the natural ways to miss a form."""
    form = mind.reading.form
    if mind.persona.mirrors and mind.reading.style == "xml" and mind.slips(0.7, "tags"):
        return f"<output>\n{body}\n</output>"
    is_json = body.startswith("{")
    if is_json and mind.slips(mind.persona.fenced, "fence"):
        return f"```json\n{body}\n```"
    opening = _OPENINGS[len(mind.case) % len(_OPENINGS)]
    if not is_json:
        return f"{opening} {body}" if len(body) > 40 else f"The answer is {_SYNONYMS.get(norm(body), body)}."
    if not form.told_json and mind.slips(0.6, "lines"):
        return "\n".join(f"{'.'.join(path)}: {_spoken(value)}" for path, value in values.items())
    if mind.slips(0.5, "synonym"):
        return re.sub(r"\"(\w+)\"(?=[,}\]])", lambda m: f'"{_SYNONYMS.get(m[1].lower(), m[1])}"', body)
    return f"{opening}\n```json\n{body}\n```\nLet me know if you need anything else."


def _with_thoughts(body: str, values: dict[tuple[str, ...], Any], mind: Mind) -> str:
    form = mind.reading.form
    said = "; ".join(f"{'.'.join(path) or 'answer'}: {_brief(value)}" for path, value in values.items())
    thoughts = f"The text is about {mind.case[:60].strip()!r}. Weighing the definitions, I come to {said}."
    if not form.marker:
        return f"{thoughts}\n{body}"
    if mind.slips(mind.persona.rambles, "marker"):
        return f"{thoughts}\n\nSo the result is {body}"
    return f"{thoughts}\n{form.marker} {body}"


def _brief(value: Any) -> str:
    return str(value)[:60]


def _spoken(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
