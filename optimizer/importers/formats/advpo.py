"""Bedrock's advanced prompt optimisation: JSONL with a template, criteria and samples on each line."""

from __future__ import annotations

import json
import re

from optimizer.errors import nearest
from optimizer.importers.parsing import dialects
from optimizer.importers.parsing.chat import Losses, arranged, names
from optimizer.importers.parsing.companion import completed
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.parsing.picking import chosen
from optimizer.importers.values import Draft, Format, Wish
from optimizer.types import JSON

_CARRIED = ("version", "templateId", "promptTemplate", "steeringCriteria", "evaluationSamples")
_TAG = re.compile(r"<(/?)advpo:([^<>]*)>")
_SCOPES = ("optimize", "exclude")


def looks(source: Source) -> bool:
    if source.ending not in (".jsonl", ".ndjson", ".json"):
        return False
    _, first = source.items[0]
    return isinstance(first, dict) and "promptTemplate" in first and "templateId" in first


def read(source: Source, wish: Wish) -> Draft:
    lost = Losses()
    templates = [Node(value, source.name, place) for place, value in source.items]
    _, node = chosen([(one["templateId"].text(), one) for one in templates], wish, lost, source.name)
    text = node["promptTemplate"]
    plain, protected = _scoped(text)
    found = arranged([("user", dialects.bedrock(plain, text.place))], node.place)
    for key in node.mapping():
        if key not in _CARRIED:
            lost.add(f"{key}: a task has no place for it")
    rows = [_row(sample, names(found), lost) for sample in node["evaluationSamples"].items()]
    criteria = [item.text() for item in node["steeringCriteria"].items()]
    if criteria:
        lost.add("steeringCriteria: they stand in the task file as a comment, for they need a model that judges")
    rubric = json.dumps("; ".join(criteria), ensure_ascii=False)
    draft = Draft(
        format=FORMAT.name,
        name=node["templateId"].text(),
        turns=found,
        protected=protected,
        rows=tuple(rows),
        columns={"expected": "expected"} if any("expected" in row for row in rows) else {},
        suggested=(f"metrics: [{{name: judge, rubric: {rubric}}}]   # and `judge: MODEL`",) if criteria else (),
        lost=lost.all,
    )
    return completed(draft, source)


def _scoped(template: Node) -> tuple[str, tuple[str, ...]]:
    """The template without its tags, and what they say may not be rewritten, by paragraphs.

    With an <advpo:optimize> all that stands outside of such is kept; else what stands in <advpo:exclude>.
    """
    pieces: list[tuple[str, str]] = []  # the scope, "" outside of tags, and the text
    text, at, scope = template.text(), 0, ""
    for tag in _TAG.finditer(text):
        pieces.append((scope, text[at : tag.start()]))
        scope, at = _entered(tag, scope, template), tag.end()
    if scope:
        raise template.fault(f"<advpo:{scope}> is never closed; close it with </advpo:{scope}>")
    pieces.append(("", text[at:]))
    chosen = any(scope == "optimize" for scope, _ in pieces)
    kept = [piece for scope, piece in pieces if (scope != "optimize" if chosen else scope == "exclude")]
    paragraphs = [part.strip() for piece in kept for part in re.split(r"\n[ \t]*\n", piece)]
    worth = [part for part in paragraphs if re.search(r"\w", re.sub(r"\{\{[\w-]+\}\}", "", part))]
    return "".join(piece for _, piece in pieces), tuple(dict.fromkeys(worth))


def _entered(tag: re.Match[str], scope: str, template: Node) -> str:
    """The scope behind a tag."""
    closes, name = bool(tag[1]), tag[2]
    if name not in _SCOPES:
        raise template.fault(
            f"{tag[0]!r} is no tag of the service.{nearest(name, _SCOPES)} Known: {', '.join(_SCOPES)}"
        )
    if closes != bool(scope) or (closes and name != scope):
        raise template.fault(
            f"{tag[0]!r} stands inside of another tag, or closes none; the service takes no such nesting"
        )
    return "" if closes else name


def _row(sample: Node, wanted: tuple[str, ...], lost: Losses) -> dict[str, JSON]:
    """Bedrock reads one key of each object in inputVariables; a file with several has gone wrong there already."""
    row: dict[str, JSON] = {}
    for item in sample["inputVariables"].items():
        if len(item.mapping()) != 1:
            raise item.fault(f"must hold one variable, found {len(item.mapping())}; give each an object of its own")
        row |= {key: value.value for key, value in item.pairs()}
    if lacking := [name for name in wanted if name not in row]:
        raise sample["inputVariables"].fault(f"lacks {', '.join(lacking)}, which the template asks for; add it")
    for key in sample.mapping():
        if key not in ("inputVariables", "referenceResponse"):
            lost.add(f"evaluationSamples: {key}: a task has no place for it")
    answer = sample["referenceResponse"].maybe()
    return row if answer is None else {**row, "expected": answer}


FORMAT = Format("bedrock-advpo", "Bedrock advanced prompt optimisation, JSONL", looks, read)
