"""Bedrock's advanced prompt optimisation: JSONL with a template, criteria and samples on each line."""

from __future__ import annotations

import json

from optimizer.importers import dialects
from optimizer.importers.chat import Losses, arranged, names
from optimizer.importers.companion import completed
from optimizer.importers.node import Node
from optimizer.importers.picking import chosen
from optimizer.importers.reading import Source
from optimizer.importers.values import Draft, Format, Wish
from optimizer.types import JSON

_CARRIED = ("version", "templateId", "promptTemplate", "steeringCriteria", "evaluationSamples")


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
    found = arranged([("user", dialects.bedrock(text.text(), text.place))], node.place)
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
        rows=tuple(rows),
        columns={"expected": "expected"} if any("expected" in row for row in rows) else {},
        suggested=(f"metrics: [{{name: judge, rubric: {rubric}}}]   # and `judge: MODEL`",) if criteria else (),
        lost=lost.all,
    )
    return completed(draft, source)


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
