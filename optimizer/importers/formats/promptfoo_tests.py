"""promptfoo's tests: their variables are examples, their assertions gold answers, metrics and limits where they map."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

from optimizer.data import read_files
from optimizer.importers.formats.promptfoo_checks import filled, ranked, spelled
from optimizer.importers.parsing import schemas
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.files import Source, parse_json
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import ImportFault
from optimizer.types import JSON

#: Assertions that hold a right answer, and the metric that compares with it as they do.
_GOLD = {
    "equals": "exact_match",
    "contains": "contains",
    "icontains": "contains",
    "contains-all": "contains",
    "icontains-all": "contains",
    "rouge-n": "rouge_l",
    "bleu": "bleu",
    "levenshtein": "edit_similarity",
    "similar": "token_f1",
}
_OTHERS = {"rouge-n": "rouge_l", "similar": "token_f1"}
_JUDGED = ("llm-rubric", "g-eval", "model-graded-closedqa", "factuality", "model-graded-factuality", "answer-relevance")
MOST = 20_000


class Tests:
    """Gathers tests one by one; what of them maps to nothing is listed as lost."""

    def __init__(self, source: Source, lost: Losses, coded: frozenset[str] = frozenset()) -> None:
        self.source, self.lost, self._coded = source, lost, coded
        self.rows: list[dict[str, JSON]] = []
        self.reply: dict[str, Any] = {}
        self.suggested: list[str] = []
        self._metrics: Counter[str] = Counter()
        self._patterns: Counter[str] = Counter()
        self._limits: dict[str, float] = {}
        self._vars: dict[str, JSON] = {}
        self._asserts: list[Node] = []

    def default(self, node: Node) -> None:
        """What all tests share."""
        if isinstance(node.value, str):
            raise node.fault("names another file; write the default test into the configuration")
        self._vars = dict(self._given(node["vars"]))
        self._asserts = list(node["assert"].items())

    def add(self, node: Node) -> None:
        for key in node.mapping():
            if key not in ("vars", "assert", "description"):
                self.lost.add(f"tests: {key}: a task has no place for it")
        given = {**self._vars, **dict(self._given(node["vars"]))}
        gold = self._gathered(list(node["assert"].items()))
        if not given:
            self.lost.add(f"{node.path}: a test without variables")
            return
        self._append(given, gold, node)

    def table(self, source: Source) -> None:
        """A CSV file: a column for each variable, and the assertion in `__expected`."""
        for row in read_files([source.path]).rows:
            place = Node(row.values, source.name, f"row {row.number}")
            checks = []
            for key, value in place.pairs():
                if key.startswith("__expected") and value.text().strip():
                    checks.append(Node(spelled(value.text().strip()), source.name, place.path))
                elif key.startswith("__") and not key.startswith("__expected"):
                    self.lost.add(f"{source.name}: the column {key!r}")
            given = {key: value for key, value in row.values.items() if not key.startswith("__")}
            self._append({**self._vars, **given}, self._gathered(checks), place)

    def sections(self) -> dict[str, Any]:
        """Metrics and constraints, as they stand in a task file."""
        found: dict[str, Any] = {}
        metrics: list[Any] = []
        if self._metrics:
            first, *others = [name for name, _ in self._metrics.most_common()]
            metrics.append(first)
            for name in others:
                self.lost.add(
                    f"assert: what {name} would compare is compared by {first}: all gold answers share a metric"
                )
        if self._patterns:
            [(pattern, count), *more] = self._patterns.most_common()
            if count >= len(self.rows):
                metrics.append({"name": "regex_match", "pattern": pattern})
            if more or count < len(self.rows):
                self.lost.add("assert: regex, where it is not the same in all tests")
        if metrics:
            found["metrics"] = metrics
        if self._limits:
            found["constraints"] = dict(self._limits)
        return found

    def _gathered(self, own: list[Node]) -> Node | None:
        """The right answer that a test's assertions hold, if any does; all others go where they belong."""
        gold: Node | None = None
        for check in ranked(own, self._asserts):
            gold = self._assertion(check, gold)
        return gold

    def _append(self, given: dict[str, JSON], gold: Node | None, node: Node) -> None:
        if any(value == [] for value in given.values()):
            self.lost.add(f"{node.path}: a test with an empty list for a variable")
        if any(isinstance(value, str) and re.search(r"\{[{%#]", value) for value in given.values()):
            self.lost.add(
                "tests: promptfoo reads braces in values as Nunjucks, too; here values stay as they are written"
            )
        for values in _expanded(given):
            self.rows.append(values | self._answer(gold, values))
            if len(self.rows) > MOST:
                raise ImportFault(
                    f"{node.place}: the lists in its variables make more than {MOST:,} tests; lessen them"
                )

    def _answer(self, gold: Node | None, given: dict[str, JSON]) -> dict[str, JSON]:
        if gold is None:
            return {}
        try:
            right = filled(gold.value, given, gold.place)
        except ImportFault as fault:
            self.lost.add(f"{fault}: an example without a right answer")
            return {}
        if given.get("expected", right) != right:
            raise gold.fault("its test has a variable called 'expected', which is the gold answer's column; rename it")
        return {"expected": right}

    def _given(self, node: Node) -> Iterator[tuple[str, JSON]]:
        if isinstance(node.value, str):
            node = Node(
                self.source.beside(node.text().removeprefix("file://"), node.path).yaml.data, node.file, node.path
            )
        for key, value in node.pairs():
            found = value.value
            if isinstance(found, str) and found.startswith("file://"):
                found = self.source.beside(found.removeprefix("file://"), value.path).text
            if key in self._coded and isinstance(found, str):
                found = parse_json(found, value.place)
            yield key, found

    def _assertion(self, node: Node, gold: Node | None) -> Node | None:
        kind = node["type"].text()
        value = node["value"]
        if kind == "assert-set":
            for inner in node["assert"].items():
                gold = self._assertion(inner, gold)
            return gold
        if kind in _GOLD:
            return self._gold(kind, value, gold)
        if kind in ("is-json", "contains-json"):
            self._json(value)
        elif kind == "regex":
            self._patterns[value.text()] += 1
        elif kind == "cost" and node["threshold"]:
            self._limit("cost_per_1000", (node["threshold"].number() or 0) * 1000, node)
        elif kind == "latency" and node["threshold"]:
            self._limit("p95_latency", (node["threshold"].number() or 0) / 1000, node)
        elif kind in _JUDGED and isinstance(value.value, str):
            self._suggest(value.value)
        else:
            self.lost.add(f"assert: {kind}: no metric here does the same")
        return gold

    def _gold(self, kind: str, value: Node, gold: Node | None) -> Node | None:
        if not value:
            raise value.wrong("the text that the assertion looks for")
        if gold is not None:
            self.lost.add(f"assert: {kind}, beside another one with a right answer: an example has one gold answer")
            return gold
        self._metrics[_GOLD[kind]] += 1
        if kind in _OTHERS:
            self.lost.add(f"assert: {kind}: compared by {_OTHERS[kind]} instead")
        return value

    def _json(self, value: Node) -> None:
        if isinstance(value.value, str):
            value = value.loose()
        found = schemas.json_reply(
            value if isinstance(value.value, dict) else Node(None, value.file, value.path), self.lost
        )
        if self.reply and self.reply != found:
            self.lost.add("assert: is-json with several schemas: the first one is the reply's")
        self.reply = self.reply or found

    def _limit(self, key: str, value: float, node: Node) -> None:
        if value <= 0:
            raise node["threshold"].wrong("a number above 0")
        if self._limits.get(key, value) != value:
            self.lost.add(f"assert: {node['type'].value} with several thresholds: the strictest one is kept")
        self._limits[key] = round(min(value, self._limits.get(key, value)), 9)
        self.lost.add(f"assert: {node['type'].value}: a limit on single answers there, on the {_over(key)} here")

    def _suggest(self, rubric: str) -> None:
        line = f"metrics: [{{name: judge, rubric: {json.dumps(rubric, ensure_ascii=False)}}}]   # and `judge: MODEL`"
        if line not in self.suggested:
            self.suggested.append(line)
        self.lost.add(
            "assert: a model as judge: it stands in the task file as a comment, for it needs a model that judges"
        )


def _expanded(given: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    """A variable with a list stands for one test with each of its values."""
    lists = [value if isinstance(value, list) else [value] for value in given.values()]
    yield from (dict(zip(given, values, strict=True)) for values in product(*lists))


def _over(key: str) -> str:
    return "mean over all" if key == "cost_per_1000" else "95th percentile"
