"""The form of the reply: its fields, their labels, and what the guidance says that each one means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

from optimizer.offline.reading import manner
from optimizer.offline.reading.define import (
    definitions,
    describe,
    either_in_prose,
    keys_in_prose,
    labels_in_list,
    labels_in_prose,
    listed_labels,
    norm,
)
from optimizer.offline.reading.field import EITHER, Field, choices_in, from_template
from optimizer.offline.reading.objects import json_in, json_objects


@dataclass(frozen=True)
class Form:
    """`given`: how the reader knows the form, the clearest way first: shown, told, hinted or (by) examples."""

    fields: tuple[Field, ...] = ()
    given: frozenset[str] = field(default_factory=frozenset)
    marker: str = ""  # the reply proper is asked for behind this word
    reasoning: Literal["", "first", "none"] = ""
    as_json: bool = False
    strict: bool = False  # "and nothing else"
    told_json: bool = False  # JSON is shown, or called by its name


@lru_cache(256)
def find_form(guidance: str, reply: str, outputs: tuple[str, ...]) -> Form:
    rules = f"{guidance}\n\n{reply}"
    shown = [skeleton for text in (reply, guidance) for skeleton in json_objects(text)]
    answers = [value for text in outputs if isinstance(value := json_in(text), dict)]
    sure = [found for template in shown for found in from_template(template)]
    names = (
        {found.name for found in sure} or set(keys_in_prose(rules)) or {found.name for found in _from_answers(answers)}
    )
    told = [found for found in _told_fields(rules) if not names or found.name in names]
    fields: dict[tuple[str, ...], Field] = {}
    for found in sure:
        _merge(fields, found)
    for found in told:
        paths = [path for path in fields if path[-1] == found.name]
        _merge(fields, replace(found, path=paths[0]) if paths else found)
    for found in _from_answers(answers):
        if not (shown or told) or found.path in fields:
            _merge(fields, found)
    as_json = bool(fields or keys_in_prose(rules)) or "json" in rules.lower()
    for name in keys_in_prose(rules) if as_json and not shown else ():
        _merge(fields, Field((name,), "text"))
    ways = (
        ("shown", shown),
        ("told", 2 * sum(bool(found.labels or found.about) for found in told) >= len(fields) > 0),
        ("examples", answers),
    )
    given = {way for way, seen in ways if seen} or _given_whole(rules, outputs)
    fields = {path: _explained(found, rules) for path, found in fields.items()} or {(): _whole(rules, outputs)}
    order = {name: number for number, name in enumerate(keys_in_prose(rules))} if not shown else {}
    fields = dict(sorted(fields.items(), key=lambda item: order.get(item[1].name, len(order))))
    return Form(
        fields=tuple(_defined(found, rules, tuple(fields)) for found in fields.values()),
        given=frozenset(given or {"hinted"}),
        marker=manner.marker(rules),
        reasoning=manner.reasoning(rules),
        as_json=as_json,
        told_json=bool(shown or answers) or "json" in rules.lower(),
        strict=manner.strict(rules),
    )


def _explained(found: Field, rules: str) -> Field:
    """A field without labels gets those that running text explains, if any."""
    if found.kind == "bool":
        return replace(found, about=f"{found.about} {either_in_prose(found.name, rules)}".strip())
    if found.kind in ("number", "flags") or found.about not in ("", "string"):
        return found
    if not found.labels and (told := either_in_prose(found.name, rules)):
        return replace(found, kind="bool", about=told, spoken=bool(re.search(r"\byes\b", told, re.IGNORECASE)))
    labels = labels_in_list(found.name, rules) or labels_in_prose(found.name, rules, keys_in_prose(rules))
    if found.labels:  # those of the examples are there already
        return replace(found, labels=tuple(dict.fromkeys((*labels, *found.labels)))) if labels else found
    several = found.kind == "list" or (found.name.endswith("s") and not found.name.endswith(("us", "ss")))
    if set(map(str.lower, labels)) == {"yes", "no"}:
        return replace(
            found,
            kind="bool",
            about=" ".join(text for _, text, _ in definitions(found.name, labels, rules, ())),
            spoken=True,
        )
    return replace(found, kind="labels" if several else "label", labels=labels) if labels else found


def _told_fields(rules: str) -> list[Field]:
    """Fields that the guidance names in words: `- urgency: one of low, high`, `Its keys are a: ...; b: ...`."""
    return [_told(name, rest, labels) for name, rest, labels in describe(rules)]


def _told(name: str, rest: str, labels: tuple[str, ...]) -> Field:
    plain = rest.lower()
    if set(labels) in EITHER or re.match(r"\W*(?:a )?bool|\W*(?:true|yes)\W+(?:or|/|if|when)\b", plain):
        return Field((name,), "bool", about=rest, spoken=bool(re.search(r"\byes\b", plain)))
    several = re.search(r"\b(?:list|array|one or more|any (?:number )?of|all (?:that )?appl)", plain)
    if len(labels) > 1:
        flags = re.search(r"\b(?:boolean|true/false|dictionary|object)\b", plain)
        return Field((name,), "flags" if flags else "labels" if several else "label", labels, about=rest)
    if several:
        return Field((name,), "list", about=rest)
    return Field(
        (name,), "number" if re.match(r"\W*(?:a |the |an )?(?:number|integer|float)\b", plain) else "text", about=rest
    )


def _from_answers(answers: list[dict[str, Any]]) -> Iterator[Field]:
    for key in answers[0] if answers else ():
        values = [answer[key] for answer in answers if key in answer]
        first = next((value for value in values if value is not None), "")
        if isinstance(first, dict):
            yield from from_template({key: first})
        elif isinstance(first, bool):
            yield Field((key,), "bool")
        elif isinstance(first, int | float):
            yield Field((key,), "number")
        elif isinstance(first, list):
            items = [str(item) for value in values if isinstance(value, list) for item in value]
            short = all(len(item.split()) <= 3 for item in items)
            yield Field((key,), "labels" if short else "list", tuple(dict.fromkeys(items)) if short else ())
        else:
            texts = [str(value) for value in values if value is not None]
            short = all(re.fullmatch(r"[a-z][a-z_\- ]{1,30}", text) and len(text.split()) <= 3 for text in texts)
            if texts and {text.lower() for text in texts} <= {"yes", "no"}:
                yield Field((key,), "bool", spoken=True)
                continue
            repeated = short and (len(set(texts)) < len(texts) or all("_" in text for text in texts))
            yield Field((key,), "label" if repeated else "text", tuple(dict.fromkeys(texts)) if repeated else ())


def _merge(fields: dict[tuple[str, ...], Field], found: Field) -> None:
    """Adds what is new: a clearer kind, more labels, a description."""
    known = fields.get(found.path)
    if known is None:
        fields[found.path] = found
        return
    vague = known.kind in ("text", "list") or not known.labels
    kind = known.kind
    if vague and found.labels:
        kind = "labels" if known.kind in ("list", "labels") and found.kind == "label" else found.kind
    elif known.kind == "text" and found.kind in ("bool", "number"):
        kind = found.kind
    labels = tuple(dict.fromkeys((*known.labels, *found.labels))) if kind in ("label", "labels", "flags") else ()
    about = known.about if len(known.about) >= len(found.about) else found.about
    fields[found.path] = replace(known, kind=kind, labels=labels, about=about, spoken=known.spoken or found.spoken)


def _defined(found: Field, rules: str, paths: tuple[tuple[str, ...], ...]) -> Field:
    others = tuple(path[-1] for path in paths if path and path != found.path)
    labels = tuple(label for label in found.labels if norm(label))
    if len(labels) < len(found.labels):  # a label without a letter is none
        found = replace(found, labels=labels, kind=found.kind if labels else "text")
    if found.labels:
        return replace(found, meaning=definitions(found.name, found.labels, rules, others))
    return found


def _given_whole(rules: str, outputs: tuple[str, ...]) -> set[str]:
    """How the form of a reply of one label is known."""
    if len(_whole(rules, outputs).labels) < 2:
        return set()
    ways = (
        ("shown", re.search(r"<[^<>\n]+\|[^<>\n]+>", rules)),
        ("told", manner.strict(rules) and re.search(r"\bone of (?:these|the following)\b", rules)),
        ("examples", outputs),
    )
    return {way for way, seen in ways if seen}


_SENTENCE = re.compile(
    r"(?:\b(?:labels|categories|classes|intents) are\b|\b(?:one|either|any) of\b(?: the (?:following|words)\b)?):?\s*"
    r"([^.;\n]+)",
    re.IGNORECASE,
)
#: `Answer high, medium or low.`, `Urgency: high, medium or low.`; "answer briefly or not" is another matter.
_CHOICE = re.compile(
    r"(?:\b(?:answer|reply|respond|return|say)(?: (?:only|just|with|by|as))*:?|^[ \t]*[A-Za-z]\w*(?: \w+){0,3}:)[ \t]+"
    r"((?!\w+ly\b)[\w\-]+(?:, [\w\-]+)*,? or [\w\-]+)[ \t]*(?=[.;\n]|$)",
    re.IGNORECASE | re.MULTILINE,
)


def _named_in_a_sentence(rules: str) -> tuple[str, ...]:
    """`Categories are a, b and c.`, `Answer a, b or c.` Where JSON is asked for, fields have the labels."""
    told = [] if "json" in rules.lower() else _SENTENCE.findall(rules) + _CHOICE.findall(rules)
    lists = (listed_labels(re.sub(r"\s+and\s+", ", ", text)) for text in told)
    return next((labels for labels in lists if len(labels) > 1), ())


def _whole(rules: str, outputs: tuple[str, ...]) -> Field:
    """The reply is one value: a label where labels are listed or the examples repeat themselves, else text."""
    listed = re.search(
        r"(?:one of (?:these |the following )?(?:labels|categories|classes|intents)[^:\n]*|labels|categories):\s*(.+)",
        rules,
        re.I,
    )
    labels = listed_labels(listed[1]) if listed else _named_in_a_sentence(rules)
    piped = re.search(r"<([^<>\n]+\|[^<>\n]+)>", rules)
    if piped:
        labels = choices_in(piped[1])
    if len(labels) < 2 and outputs and all(len(text.split()) <= 4 for text in outputs):
        labels = tuple(dict.fromkeys(outputs))
    return Field((), "label" if len(labels) > 1 else "text", labels if len(labels) > 1 else ())
