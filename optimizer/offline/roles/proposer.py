"""Writes better instructions: shorter, definitions as a list, the words that tell labels apart, an explicit form."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.offline.personas import Persona
from optimizer.offline.reading.define import norm
from optimizer.offline.reading.field import Field
from optimizer.offline.reading.form import find_form
from optimizer.offline.reading.sheet import Sheet
from optimizer.offline.roles.meta import Case, Meta
from optimizer.offline.skills.labels import labels_of
from optimizer.offline.words import WORD, chance, listed, stem, stems
from optimizer.prompt.contract import calls_in

_RULE = re.compile(
    r"\b(?:must|never|always|only|do not|don't|if|when|unless|exactly|at most|use|give|keep|write)\b", re.I
)


def propose(meta: Meta, persona: Persona, draw: str) -> str:
    if meta.sheet:
        return _fill_fields(meta.sheet, meta, persona, draw)
    versions = [rewrite(meta, persona, f"{draw}/{number}", number) for number in range(meta.count)]
    if meta.form == "prompt":
        return f"<prompt>{versions[0]}</prompt>"
    if meta.form == "fence":
        return f"```\n{versions[0]}\n```"
    return "\n\n".join(f"<instructions>\n{version}\n</instructions>" for version in versions)


def _fill_fields(sheet: Sheet, meta: Meta, persona: Persona, draw: str) -> str:
    filled = {}
    for name, _, _ in sheet.outputs:
        if "instruction" in name:
            filled[name] = rewrite(meta, persona, draw, math.floor(5 * chance(persona.name, draw, meta.source)))
        else:
            filled[name] = "Answer:" if "prefix" in name else _about(meta)
    return sheet.fill(filled)


def _about(meta: Meta) -> str:
    """A remark on a data set or program, from its most frequent words."""
    body = meta.source[-4000:]
    words = [
        word
        for word, _ in Counter(
            w.lower() for w in WORD.findall(body) if len(w) > 4 and w.lower() not in listed("*stop")
        ).most_common(8)
    ]
    return f"The inputs are short texts that speak of {', '.join(words)}; each is answered in one fixed form."


@dataclass(frozen=True)
class Plan:
    """How a version is written: words per definition, telling words per label, rules kept, the form of the reply."""

    definition: int = 36
    marks: int = 0
    rules: int = 8
    shown: bool = True
    whole: bool = False  # the old wording stays, and a digest follows


PLANS = (
    Plan(),
    Plan(definition=18, marks=4, rules=4),
    Plan(marks=5, shown=False),
    Plan(definition=24, rules=6, whole=True),
)


def rewrite(meta: Meta, persona: Persona, draw: str, number: int) -> str:
    """Version `number` of a rewrite; versions differ in what they add and how short they are."""
    # Calls of tools are no form of a reply: their arguments are one example's own.
    cases = [case for case in meta.cases if case.expected and not calls_in(case.expected)]
    current = meta.current.partition("\n\nIn short:\n")[0].strip()
    form = find_form(current, meta.reply, tuple(case.expected for case in cases[:12]))
    start = math.floor(len(PLANS) * chance(persona.name, draw, meta.source)) if meta.form != "tags" else 0
    plan = PLANS[(number + start) % len(PLANS)]
    blocks = [_field(field, cases, plan) for field in form.fields if field.path or field.labels]
    if rules := _rules(current, form.fields, plan.rules):
        blocks.append("Rules:\n" + "\n".join(f"- {rule}" for rule in rules))
    if form.as_json and form.fields and form.fields[0].path:
        blocks.append(_form_asked(form.fields, shown=plan.shown))
    elif form.fields and form.fields[0].labels and not plan.whole:  # the whole reply is a label
        labels = ", ".join(form.fields[0].labels)
        blocks.append(f"Reply with exactly one of these labels and nothing else: {labels}")
    opening = f"{current}\n\nIn short:" if plan.whole else _opening(current)
    text = "\n\n".join(block for block in [opening, *blocks] if block)
    lost = [mark for mark in (*re.findall(r"\{\{[^{}]+\}\}", current), *meta.keep) if mark not in text]
    return text + "".join(f"\n\n{mark}" for mark in dict.fromkeys(lost))


def _opening(current: str) -> str:
    plain = re.sub(r"^(?:#+ .*|<[^>]+>)\s*$", "", current, flags=re.M).strip()
    first = re.split(r"\n\s*\n|\n(?=[-*\d])", plain)[0] if plain else ""
    kept = re.split(r"(?<=[.!?])\s+", " ".join(first.split()))[:2]
    return " ".join(kept).strip()


def _field(field: Field, cases: Sequence[Case], plan: Plan) -> str:
    if field.kind == "bool" or not field.labels:
        about = field.about.strip().rstrip(".") or field.kind
        return f"- {field.name}: {about}"
    how = "exactly one of" if field.kind == "label" else "all that apply of"
    told = {label: text for label, text, _ in field.meaning}
    marks = _marks(field, cases, plan.marks) if plan.marks else {}
    lines = [f"{field.name}: {how}"] if field.path else ["What each of them means:"]
    for label in field.labels:
        about = " ".join(told.get(label, norm(label)).split())
        about = re.sub(rf"^{re.escape(norm(label))}\W+", "", about) or norm(label)
        seen = f"; for example {', '.join(marks[label])}" if marks.get(label) else ""
        lines.append(f"- {label}: {_short(about, plan.definition)}{seen}")
    return "\n".join(lines)


def _short(text: str, words: int) -> str:
    """The first words of a definition, cut at the last comma, semicolon or full stop before the limit."""
    kept = " ".join(text.split()[:words])
    if len(kept) < len(text):
        kept = re.sub(r"[,;.:][^,;.:]*$", "", kept) if re.search(r"[,;.:]", kept[len(kept) // 2 :]) else kept
    return kept.rstrip(".;, ")


def _marks(field: Field, cases: Sequence[Case], count: int) -> dict[str, list[str]]:
    """For each label the words that its examples have and the others lack."""
    seen: dict[str, Counter[str]] = {label: Counter() for label in field.labels}
    spelt: dict[str, str] = {}
    for case in cases:
        words = {stem(w): w for w in WORD.findall(case.input) if w.isalpha() and w.islower() and len(w) > 3}
        words = {root: word for root, word in words.items() if word not in listed("*stop")}
        spelt |= words
        for label in labels_of(case.expected, field):
            seen[label].update(words.keys())
    total = Counter(word for bag in seen.values() for word in bag.elements())
    told = {word for _, text, _ in field.meaning for word in stems(text)}
    marks = {}
    for label, bag in seen.items():
        ranked = sorted(bag, key=lambda word: (-(bag[word] ** 1.3) / (total[word] + 0.5), word))
        good = [w for w in ranked if bag[w] > 1 and bag[w] >= 0.75 * total[w] and w not in told]
        marks[label] = [spelt[word] for word in good[:count]]
    return marks


def _rules(current: str, fields: Sequence[Field], limit: int) -> list[str]:
    """The guidance's own rules that are not definitions of labels."""
    labels = {norm(label) for field in fields for label in field.labels}
    names = {norm(field.name) for field in fields}
    rules: list[str] = []
    for line in re.split(r"\n+|(?<=[.!?])\s+(?=[A-Z])", current):
        text = line.strip(" -*\t")
        head = norm(re.split(r"[:=(—–]", text)[0])
        if not 4 <= len(text.split()) <= 45 or head in labels or head in names or "{" in text or not _RULE.search(text):
            continue
        if sum(1 for label in labels if re.search(rf"\b{re.escape(label)}\b", norm(text))) > 1:
            continue
        rules.append(text)
    return rules[:limit]


def _form_asked(fields: Sequence[Field], *, shown: bool) -> str:
    if not shown:
        keys = "; ".join(f"{field.name}: {_in_words(field)}" for field in fields)
        return f"Reply with one JSON object and nothing else. Its keys are {keys}."
    tree: dict[str, Any] = {}
    for field in fields:
        node = tree
        for key in field.path[:-1]:
            node = node.setdefault(key, {})
        blank: Any = (
            "|".join(field.labels)
            if field.labels
            else {"bool": "yes|no" if field.spoken else "true|false", "number": "<number>"}.get(field.kind, "<string>")
        )
        if field.kind == "flags":
            blank = dict.fromkeys(field.labels, False)
        node[field.path[-1]] = [blank] if field.kind in ("labels", "list") else blank
    return f"Reply with one JSON object in exactly this form and nothing else:\n{json.dumps(tree, ensure_ascii=False)}"


def _in_words(field: Field) -> str:
    if field.labels:
        listed_ones = "one of " + ", ".join(json.dumps(label, ensure_ascii=False) for label in field.labels)
        return listed_ones if field.kind == "label" else f"a list, each {listed_ones}"
    if field.spoken:
        return 'one of "yes", "no"'
    return {"bool": "true or false", "number": "number", "list": "a list"}.get(field.kind, "string")
