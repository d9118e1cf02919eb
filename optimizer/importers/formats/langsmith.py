"""LangSmith's runs, exported as JSON or JSONL: of models (run_type "llm"), or of chains by their named inputs."""

from __future__ import annotations

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, asked
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer, inputs_of, loose_mapping, seconds
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, ImportFault, Log, Record, Wish

_CLASSES = {"SystemMessage": "system", "HumanMessage": "user", "AIMessage": "assistant", "ToolMessage": "tool"}
_CLASSES |= {f"{name}Chunk": role for name, role in _CLASSES.items()}
_KINDS = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}


def looks(source: Source) -> bool:
    if source.ending not in (".json", ".jsonl", ".ndjson"):
        return False
    _, first = source.items[0]
    return isinstance(first, dict) and "run_type" in first and "inputs" in first


def log(source: Source) -> Log:
    nodes = [Node(value, source.name, place) for place, value in source.items]
    lost = Losses()
    models = [node for node in nodes if node["run_type"].text() == "llm"]
    wanted = models or [node for node in nodes if not node["parent_run_id"]]
    if len(wanted) < len(nodes):
        kept = "calls of a model" if models else "runs without a parent"
        lost.add(f"{len(nodes) - len(wanted)} other runs: the task has the {kept}")
    records = []
    for node in wanted:
        if node["error"]:
            lost.add("calls that failed")
        else:
            records.append(_record(node, lost))
    if not records:
        raise ImportFault(f"{source.name}: has no run that ended well; export others")
    return Log(tuple(records), lost.all)


def _record(node: Node, lost: Losses) -> Record:
    given, came = node["inputs"].loose(), node["outputs"].loose()
    extra = loose_mapping(node["extra"])
    facts, settings = extra["metadata"], extra["invocation_params"]
    said = _said(given, lost) if node["run_type"].value == "llm" else None
    name = facts["ls_model_name"].maybe() or settings["model"].maybe() or settings["model_name"].maybe()
    usage = _usage(node, came)
    return Record(
        id=node["id"].text(),
        said=said or (),
        inputs=None if said is not None else inputs_of(given),
        output=_output(came, lost),
        model=knobs.model(name, facts["ls_provider"].maybe()) if name else None,
        latency=seconds(node["start_time"], node["end_time"]),
        input_tokens=usage[0],
        output_tokens=usage[1],
        cost=_cost(node),
        params=knobs.params(settings, Losses(), known=("model", "model_name", "_type", "messages")),
    )


def _cost(node: Node) -> float | None:
    cost = node["total_cost"]
    if isinstance(cost.value, str):  # a decimal, kept as text
        try:
            return Node(float(cost.value), cost.file, cost.path).number()
        except ValueError:
            raise cost.wrong("a number") from None
    return cost.number()


def _said(given: Node, lost: Losses) -> tuple[tuple[str, str], ...] | None:
    """Messages in OpenAI's form, or LangChain's (constructors, or {"type": "human"}); or the texts of a plain model."""
    messages = given["messages"].loose()
    if not messages:
        prompts = [item.text() for item in given["prompts"].items()]
        return (("user", prompts[0]),) if prompts else None
    listed = list(messages.items())
    if len(listed) == 1 and isinstance(listed[0].value, list):
        listed = list(listed[0].items())
    plain = [_plain(item) for item in listed]
    return asked(Node(plain, given.file, messages.path), lost)


def _plain(item: Node) -> dict[str, object]:
    found = item.mapping()
    if "role" in found:
        return found
    inner = item["kwargs"] if item.has("kwargs") else item["data"] if item.has("data") else item
    names = [part.text() for part in item["id"].items()] if isinstance(item["id"].value, list) else []
    kind = (
        _CLASSES.get(names[-1] if names else "")
        or _KINDS.get(str(found.get("type")))
        or _KINDS.get(str(inner.value.get("type")))
    )
    if kind is None:
        raise item.fault("is no message that is known here (role, or a message of LangChain); export the runs anew")
    told = {"role": kind, "content": inner["content"].value}
    return told | ({"tool_calls": inner["tool_calls"].value} if inner["tool_calls"].value else {})


def _output(came: Node, lost: Losses) -> str | None:
    if came.has("generations"):
        batches = list(came["generations"].items())
        first = batches[0] if batches else Node(None, came.file)
        if isinstance(first.value, list):
            first = next(iter(first.items()), Node(None, came.file))
        if first.has("text") and first["text"].value:
            return first["text"].text()
        inner = first["message"]
        return answer(inner["kwargs"] if inner.has("kwargs") else inner, lost)
    if isinstance(came.value, dict) and len(came.value) == 1:
        only = came[next(iter(came.value))]
        return only.text() if isinstance(only.value, str) else answer(only, lost)
    return answer(came, lost)


def _usage(node: Node, came: Node) -> tuple[int | None, int | None]:
    if node["prompt_tokens"] or node["completion_tokens"]:
        return node["prompt_tokens"].whole(), node["completion_tokens"].whole()
    found = came["usage_metadata"] if isinstance(came.value, dict) else Node(None, node.file)
    if not found and isinstance(came.value, dict):
        found = came["llm_output"]["token_usage"]
    first = found["input_tokens"] if found.has("input_tokens") else found["prompt_tokens"]
    second = found["output_tokens"] if found.has("output_tokens") else found["completion_tokens"]
    return first.whole(), second.whole()


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("langsmith", "LangSmith's runs", looks, read, log)
