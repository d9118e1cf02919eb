"""Writes better instructions: shorter, definitions as a list, the words that tell labels apart, an explicit form."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from optimizer.offline.define import norm
from optimizer.offline.fields import Sheet
from optimizer.offline.form import Field, find_form
from optimizer.offline.learner import labels_of
from optimizer.offline.meta import Case, Meta
from optimizer.offline.personas import Persona
from optimizer.offline.words import WORD, chance, lexicon, listed, stem, stems

_RULE = re.compile(
    r"\b(?:must|never|always|only|do not|don't|if|when|unless|exactly|at most|use|give|keep|write)\b", re.I
)


def propose(meta: Meta, persona: Persona, draw: str) -> str:
    if meta.sheet:
        return _fill_fields(meta.sheet, meta, persona, draw)
    versions = [rewrite(meta, persona, f"{draw}/{number}", number) for number in range(meta.count)]
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


def rewrite(meta: Meta, persona: Persona, draw: str, number: int) -> str:
    """Version `number` of a rewrite; versions differ in what they add and how short they are."""
    cases = [case for case in meta.cases if case.expected]
    current = meta.current.strip()
    form = find_form(current, "", tuple(case.expected for case in cases[:12]))
    start = math.floor(3 * chance(persona.name, draw)) if number == 0 and meta.form != "tags" else 0
    plan = (number + start) % 4
    words = 0 if plan == 2 else 4 if plan == 0 else 7
    blocks = [_opening(current)]
    blocks += [_field(field, cases, words) for field in form.fields if field.path]
    rules = _rules(current, form.fields, limit=4 if plan == 1 else 8)
    if rules:
        blocks.append("Rules:\n" + "\n".join(f"- {rule}" for rule in rules))
    if form.as_json and form.fields and form.fields[0].path:
        blocks.append(_form_asked(form.fields, shown=plan in (0, 1)))
    text = "\n\n".join(block for block in blocks if block)
    if plan == 3:
        text = f"{current}\n\nIn short:\n\n" + "\n\n".join(block for block in blocks[1:] if block)
    lost = [mark for mark in re.findall(r"\{\{[^{}]+\}\}", current) if mark not in text]
    return text + "".join(f"\n\n{mark}" for mark in dict.fromkeys(lost))


def _opening(current: str) -> str:
    plain = re.sub(r"^(?:#+ .*|<[^>]+>)\s*$", "", current, flags=re.M).strip()
    first = re.split(r"\n\s*\n|\n(?=[-*\d])", plain)[0] if plain else ""
    kept = re.split(r"(?<=[.!?])\s+", " ".join(first.split()))[:2]
    return " ".join(kept).strip()


def _field(field: Field, cases: Sequence[Case], count: int) -> str:
    if field.kind == "bool" or not field.labels:
        about = field.about.strip().rstrip(".") or field.kind
        return f"- {field.name}: {about}"
    how = "exactly one of" if field.kind == "label" else "all that apply of"
    told = {label: text for label, text, _ in field.meaning}
    marks = _marks(field, cases, count) if count else {}
    lines = [f"{field.name}: {how}"]
    for label in field.labels:
        about = " ".join(told.get(label, norm(label)).split())
        about = re.sub(rf"^{re.escape(norm(label))}\W+", "", about) or norm(label)
        seen = f"; for example {', '.join(marks[label])}" if marks.get(label) else ""
        lines.append(f"- {label}: {' '.join(about.split()[:32]).rstrip('.;,')}{seen}")
    return "\n".join(lines)


def _marks(field: Field, cases: Sequence[Case], count: int) -> dict[str, list[str]]:
    """For each label the words that its examples have and the others lack."""
    seen: dict[str, Counter[str]] = {label: Counter() for label in field.labels}
    spelt: dict[str, str] = {}
    known = lexicon()
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
        good = [
            word
            for word in ranked
            if bag[word] >= 0.6 * total[word] and (bag[word] > 1 or len(cases) < 25) and word not in told
        ]
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
        return f"Reply with one JSON object and nothing else. Its keys are {', '.join(field.name for field in fields)}."
    tree: dict[str, Any] = {}
    for field in fields:
        node = tree
        for key in field.path[:-1]:
            node = node.setdefault(key, {})
        blank: Any = (
            "|".join(field.labels)
            if field.labels
            else {"bool": "true|false", "number": "<number>"}.get(field.kind, "<string>")
        )
        if field.kind == "flags":
            blank = dict.fromkeys(field.labels, False)
        node[field.path[-1]] = [blank] if field.kind in ("labels", "list") else blank
    return f"Reply with one JSON object in exactly this form and nothing else:\n{json.dumps(tree, ensure_ascii=False)}"
