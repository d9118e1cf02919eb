"""OpenAI's evals: rows of a data source ({"item": ...}), output items of a run, and samples of the older library."""

from __future__ import annotations

from dataclasses import replace

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, asked
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, Log, Record, Wish

#: Keys of an item that hold its right answer, in the order in which they are looked for.
_GOLD = (
    "ideal",
    "expected",
    "expected_output",
    "correct_label",
    "answer",
    "reference",
    "reference_answer",
    "label",
    "ground_truth",
)


def looks(source: Source) -> bool:
    if source.ending not in (".jsonl", ".ndjson", ".json"):
        return False
    _, first = source.items[0]
    if not isinstance(first, dict):
        return False
    return isinstance(first.get("item", first.get("datasource_item")), dict) or ("input" in first and "ideal" in first)


def log(source: Source) -> Log:
    lost = Losses()
    records = []
    named: dict[str, None] = {}
    for number, (place, value) in enumerate(source.items, start=1):
        record, gold = _record(Node(value, source.name, place), str(number), lost)
        records.append(record)
        named |= dict.fromkeys([gold] if gold else [])
    told = f"the right answer was taken from {', '.join(named)}: see that it is one" if named else ""
    return Log(tuple(records), lost.all, told)


def _record(node: Node, identity: str, lost: Losses) -> tuple[Record, str]:
    """And the key under which its right answer stood, "" where it has none."""
    if node.has("ideal") and not node.has("item"):
        return _older(node, identity, lost), "ideal"
    item = node["item"] if node.has("item") else node["datasource_item"]
    given = dict(item.mapping())
    key = next((name for name in _GOLD if given.get(name) is not None), "")
    sample = node["sample"]
    for other in ("results", "status"):
        if node.has(other):
            lost.add(f"{other}: the graders' findings: the answers are scored anew")
    expected = given.pop(key) if key else None
    usage = sample["usage"]
    name = sample["model"].maybe()
    record = Record(
        id=node["id"].maybe() or identity,
        inputs=given,
        output=_output(sample, lost),
        expected=expected,
        model=knobs.model(name, "openai") if name else None,
        input_tokens=usage["prompt_tokens"].whole(),
        output_tokens=usage["completion_tokens"].whole(),
        params=knobs.params(
            Node({k: v for k, v in sample.mapping().items() if k in ("temperature", "top_p")}, node.file, "sample"),
            lost,
        )
        if sample
        else {},
    )
    if sample.has("input") and (said := asked(sample["input"], lost)):
        record = replace(record, inputs=None, said=said)
    return record, key


def _older(node: Node, identity: str, lost: Losses) -> Record:
    """A sample of the library that came before the API."""
    ideal, given = node["ideal"].value, node["input"]
    if isinstance(ideal, list) and len(ideal) > 1:
        lost.add("ideal: further right answers: the first one is the gold answer")
    gold = ideal[0] if isinstance(ideal, list) and ideal else ideal
    said = asked(given, lost) if isinstance(given.value, list) else (("user", given.text()),)
    return Record(id=identity, said=said, expected=gold)


def _output(sample: Node, lost: Losses) -> str | None:
    if sample.has("output_text"):
        return sample["output_text"].text()
    return answer(sample["output"], lost)


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("openai-evals", "OpenAI evals: data source rows, output items, older samples", looks, read, log)
