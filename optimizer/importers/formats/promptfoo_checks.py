"""promptfoo's assertions before they are mapped: how a table spells them, which counts first, what fills them in."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.importers.parsing import dialects
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import ImportFault
from optimizer.types import JSON

_KINDS = (
    r"answer-relevance|bleu|classifier|contains|contains-all|contains-any|contains-html|contains-json|contains-sql|"
    r"contains-xml|context-faithfulness|context-recall|context-relevance|conversation-relevance|cost|equals|factuality|"
    r"finish-reason|g-eval|gleu|guardrails|icontains|icontains-all|icontains-any|is-html|is-json|is-refusal|is-sql|"
    r"is-valid-function-call|is-valid-openai-function-call|is-valid-openai-tools-call|is-xml|latency|levenshtein|"
    r"llm-rubric|meteor|model-graded-closedqa|model-graded-factuality|moderation|perplexity|perplexity-score|pi|regex|"
    r"rouge-l|rouge-n|rouge-s|search-rubric|similar|starts-with|tool-call-f1|webhook|word-count"
)
_PROGRAMS = {"javascript": "javascript", "fn": "javascript", "eval": "javascript", "python": "python", "ruby": "ruby"}
_SPELLED = re.compile(rf"((?:not-)?(?:{_KINDS}))(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?", re.DOTALL)
_LISTED = ("contains-any", "contains-all", "icontains-any", "icontains-all")


def spelled(text: str) -> dict[str, Any]:
    """The assertion that a cell of `__expected` means: `kind:value`, `kind(threshold):value`, or a text to equal."""
    head, colon, rest = text.partition(":")
    if colon and head in _PROGRAMS:
        return {"type": _PROGRAMS[head], "value": rest.strip()}
    if text.startswith("file://"):
        return {"type": "a program in a file", "value": text}
    if colon and head == "grade":
        return {"type": "llm-rubric", "value": rest.strip()}
    found = _SPELLED.fullmatch(text)
    if found is None or text == "equals":
        return {"type": "equals", "value": text}
    kind, threshold, value = found[1], found[2], found[3]
    said: dict[str, Any] = {"type": kind} if value is None else {"type": kind, "value": value.strip()}
    if value is not None and kind.removeprefix("not-") in _LISTED:
        said["value"] = [item.strip() for item in next(csv.reader([value], skipinitialspace=True))]
    return said | ({"threshold": float(threshold)} if threshold else {})


def ranked(own: Sequence[Node], shared: Sequence[Node]) -> list[Node]:
    """An example has one gold answer: its test's own say comes before what all tests share, the whole before a part."""

    def part(check: Node) -> bool:
        return bool(check["type"].value != "equals")

    return [*sorted(own, key=part), *sorted(shared, key=part)]


def filled(value: JSON, given: Mapping[str, JSON], where: str) -> JSON:
    """promptfoo reads an assertion's value as a template over the test's variables. ImportFault for logic in it."""
    if isinstance(value, list):
        return [filled(item, given, where) for item in value]
    if not isinstance(value, str) or not re.search(r"\{[{%#]", value):
        return value
    template = dialects.nunjucks(value, where)
    if lacking := sorted(template.names - given.keys()):
        raise ImportFault(f"{where}: {value[:60]!r} asks for {lacking[0]!r}, which the test does not give")
    whole = re.fullmatch(r"\{\{\s*(\w+)\s*\}\}", value.strip())
    return given[whole[1]] if whole else template.render(given)
