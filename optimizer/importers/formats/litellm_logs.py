"""Spend logs of LiteLLM's proxy, with the messages that it stores when `store_prompts_in_spend_logs` is set."""

from __future__ import annotations

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer, conversation, loose_mapping, named_model, seconds
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, ImportFault, Log, Record, Wish


def looks(source: Source) -> bool:
    if source.ending not in (".jsonl", ".ndjson", ".json"):
        return False
    _, first = source.items[0]
    return isinstance(first, dict) and "request_id" in first and ("spend" in first or "call_type" in first)


def log(source: Source) -> Log:
    lost = Losses()
    records = []
    for place, value in source.items:
        record = _record(Node(value, source.name, place), lost)
        if record:
            records.append(record)
    if not any(record.said for record in records):
        raise ImportFault(
            f"{source.name}: no row holds the messages of its call; set `general_settings: "
            "{store_prompts_in_spend_logs: true}` in the proxy's configuration, and export the calls made since then"
        )
    return Log(tuple(records), lost.all)


def _record(node: Node, lost: Losses) -> Record | None:
    kind = node["call_type"].maybe() or "completion"
    if "completion" not in kind and "responses" not in kind:
        lost.add(f"calls of the type {kind!r}: a prompt is asked by a completion")
        return None
    if (node["status"].maybe() or "success") != "success":
        lost.add("calls that failed")
        return None
    cached = node["cache_hit"].value in (True, "True", "true")
    if cached:
        lost.add("the latency of calls that the proxy answered from its cache")
    name = node["model"].maybe()
    provider = node["custom_llm_provider"]
    messages = node["messages"].loose()
    request = loose_mapping(node["proxy_server_request"])
    said = conversation(messages, lost) if messages.value else conversation(request, lost)
    took = node["request_duration_ms"].number()
    return Record(
        id=node["request_id"].text(),
        said=said or (),
        output=answer(node["response"], lost),
        model=named_model(node["model"], provider if provider.value else None) if name else None,
        latency=None if cached else took / 1000 if took is not None else seconds(node["startTime"], node["endTime"]),
        input_tokens=node["prompt_tokens"].whole(),
        output_tokens=node["completion_tokens"].whole(),
        cost=node["spend"].number(),
        params=knobs.params(request, Losses(), known=("messages", "model")),
    )


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("litellm-logs", "spend logs of LiteLLM's proxy", looks, read, log)
