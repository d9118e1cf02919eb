"""Langfuse: exported observations of the type GENERATION, alone or within their traces, and prompts of its API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from optimizer.importers.parsing import dialects, knobs
from optimizer.importers.parsing.chat import Losses, arranged, turns
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer, conversation, inputs_of, loose_mapping, named_model, seconds
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, ImportFault, Log, Record, Wish

_INPUT = ("input", "inputUsage", "promptTokens", "prompt_tokens", "input_usage")
_OUTPUT = ("output", "outputUsage", "completionTokens", "completion_tokens", "output_usage")


def looks(source: Source) -> bool:
    if source.ending not in (".json", ".jsonl", ".ndjson"):
        return False
    return _is_prompt(source.items[0][1]) or any(
        isinstance(one, dict) and one.get("type") == "GENERATION" and "input" in one
        for _, one in _observations(source.items[:100])
    )


def _observations(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """A trace, as the API gives a single one, holds its observations."""
    for place, one in items:
        inside = one.get("observations") if isinstance(one, dict) else None
        if isinstance(inside, list) and any(isinstance(found, dict) for found in inside):
            yield from ((f"{place}.observations[{number}]".lstrip("."), found) for number, found in enumerate(inside))
        else:
            yield place, one


def _is_prompt(found: object) -> bool:
    return isinstance(found, dict) and found.get("type") in ("text", "chat") and "prompt" in found


def log(source: Source) -> Log:
    lost = Losses()
    records = []
    for place, value in _observations(source.items):
        node = Node(value, source.name, place)
        kind = node["type"].maybe()
        if kind != "GENERATION":
            lost.add(f"observations of the type {kind}: only generations are calls of a model")
        elif node["level"].maybe() == "ERROR":
            lost.add("calls that failed")
        else:
            records.append(_record(node, lost))
    if not records:
        raise ImportFault(f"{source.name}: has no observation of the type GENERATION; export those")
    return Log(tuple(records), lost.all)


def _record(node: Node, lost: Losses) -> Record:
    given = node["input"].loose()
    said = conversation(given, lost)
    if node["promptName"]:
        lost.add("promptName: import the prompt itself as well, with a second --from")
    if node["metadata"].value:
        lost.add("metadata of the calls")
    took = node["latency"].number()
    return Record(
        id=node["id"].text(),
        said=said or ((("user", given.value),) if isinstance(given.value, str) and given.value else ()),
        inputs=inputs_of(given) if isinstance(given.value, dict) and said is None else None,
        output=answer(node["output"], lost),
        model=named_model(node["model"]),
        latency=took if took is not None else seconds(node["startTime"], node["endTime"]),
        input_tokens=_count(node, _INPUT),
        output_tokens=_count(node, _OUTPUT),
        cost=_cost(node),
        params=knobs.params(loose_mapping(node["modelParameters"]), Losses()),
    )


def _count(node: Node, keys: tuple[str, ...]) -> int | None:
    """Tokens: usageDetails in newer exports, usage before, columns of their own in the oldest."""
    for found in (loose_mapping(node["usageDetails"]), loose_mapping(node["usage"]), node):
        for key in keys:
            if found.has(key) and not (found is node and key in ("input", "output")):
                return found[key].whole()
    return None


def _cost(node: Node) -> float | None:
    details = loose_mapping(node["costDetails"])
    for found in (details["total"], node["calculatedTotalCost"], node["totalCost"]):
        if found:
            return found.number()
    return None


def read(source: Source, _wish: Wish) -> Draft:
    first = source.items[0][1]
    return (
        _prompt(Node(first, source.name), source)
        if _is_prompt(first)
        else drafted(log(source), FORMAT.name, source.name)
    )


def _prompt(node: Node, source: Source) -> Draft:
    """A text or chat prompt with {{variables}}; its `config` has model and parameters, by habit."""
    lost = Losses()
    if node["type"].text() == "chat":
        found = turns(node["prompt"], dialects.scanned, lost)
    else:
        found = arranged([("user", dialects.scanned(node["prompt"].text(), node["prompt"].place))], source.name)
    config = node["config"]
    name = config["model"].maybe() or config["model_name"].maybe()
    for key in ("labels", "tags", "commitMessage", "version"):
        if node.value.get(key):
            lost.add(f"{key}: a task has no place for it")
    return Draft(
        format="langfuse-prompt",
        name=node["name"].maybe() or source.path.stem,
        turns=found,
        model=knobs.model(name) if name else None,
        params=knobs.params(config, lost, known=("model", "model_name")),
        lost=lost.all,
    )


FORMAT = Format("langfuse", "Langfuse: exported generations, and prompts", looks, read, log)
