"""OpenTelemetry's GenAI spans as OTLP JSON: one span is one call.

Messages are read where the semantic conventions put them: attributes gen_ai.input.messages, gen_ai.output.messages and
gen_ai.system_instructions (as JSON text or structured), events of the same names, and the events of earlier versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, asked
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, ImportFault, Log, Record, Wish

_ASKING = ("chat", "text_completion", "generate_content", "completion")
_SPOKEN = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "assistant"}


def looks(source: Source) -> bool:
    if source.ending not in (".json", ".jsonl", ".ndjson"):
        return False
    _, first = source.items[0]
    return isinstance(first, dict) and ("resourceSpans" in first or "resource_spans" in first)


def log(source: Source) -> Log:
    lost = Losses()
    records = []
    for place, value in source.items:
        for span in _spans(Node(value, source.name, place)):
            record = _record(span, lost)
            if record:
                records.append(record)
    if not records:
        raise ImportFault(f"{source.name}: has no span with gen_ai attributes; export spans of calls to models")
    if not any(record.said for record in records):
        raise ImportFault(
            f"{source.name}: no span holds the messages of its call; switch the capture of message content on in the "
            "instrumentation, and export the calls made since then"
        )
    return Log(tuple(records), lost.all)


def _spans(node: Node) -> Iterator[Node]:
    for resource in node["resourceSpans" if node.has("resourceSpans") else "resource_spans"].items():
        for scope in resource["scopeSpans" if resource.has("scopeSpans") else "scope_spans"].items():
            yield from scope["spans"].items()


def _record(span: Node, lost: Losses) -> Record | None:
    facts = Node(_attributes(span["attributes"]), span.file, f"{span.path}.attributes")
    operation = facts["gen_ai.operation.name"].maybe() or ("chat" if facts.has("gen_ai.request.model") else "")
    if operation not in _ASKING:
        lost.add(f"spans of the operation {operation or 'unnamed'!r}: only calls of a model are examples")
        return None
    if span["status"]["code"].value in (2, "STATUS_CODE_ERROR"):
        lost.add("calls that failed")
        return None
    said, output = _spoken(span, facts, lost)
    provider = facts["gen_ai.provider.name"] if facts.has("gen_ai.provider.name") else facts["gen_ai.system"]
    name = facts["gen_ai.request.model"].maybe() or facts["gen_ai.response.model"].maybe()
    settings = {
        key.rpartition(".")[2]: value for key, value in facts.value.items() if key.startswith("gen_ai.request.")
    }
    return Record(
        id=span["spanId"].maybe() or span["span_id"].maybe() or span.path,
        said=said,
        output=output,
        model=knobs.model(name, provider.maybe()) if name else None,
        latency=_took(span),
        input_tokens=_count(facts, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output_tokens=_count(facts, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        params=knobs.params(Node(settings, span.file, facts.path), Losses(), known=("model",)),
    )


def _spoken(span: Node, facts: Node, lost: Losses) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """From the attributes, else from an event with such attributes, else from the older events."""
    told = [facts]
    for event in span["events"].items():
        told.append(Node(_attributes(event["attributes"]), span.file, f"{event.path}.attributes"))
    for found in told:
        if found.has("gen_ai.input.messages"):
            messages = _messages(found["gen_ai.system_instructions"], found["gen_ai.input.messages"])
            return asked(messages, lost), answer(_joined(found["gen_ai.output.messages"].loose()), lost)
    older: list[dict[str, Any]] = []
    output = None
    for event, found in zip(span["events"].items(), told[1:], strict=True):
        name = event["name"].maybe() or ""
        if name in _SPOKEN:
            older.append({"role": _SPOKEN[name], "content": found["content"].value})
        elif name == "gen_ai.choice":
            output = answer(found["message"] if found.has("message") else found, lost)
        elif name in ("gen_ai.tool.message",):
            return (), None
    return asked(Node(older, span.file, f"{span.path}.events"), lost), output


def _messages(system: Node, messages: Node) -> Node:
    """With `parts` as the content, and the system's instructions in front."""
    found: list[dict[str, Any]] = []
    if system:
        parts = system.loose()
        found.append({"role": "system", "content": _parts(parts)})
    for item in messages.loose().items():
        found.append(
            {
                "role": item["role"].value,
                "content": _parts(item["parts"]) if item.has("parts") else item["content"].value,
            }
        )
    return Node(found, messages.file, messages.path)


def _parts(node: Node) -> Any:
    if not isinstance(node.value, list):
        return node.value
    return [
        {"type": "text", "text": p["content"].value} if p.value.get("type") == "text" else p.mapping()
        for p in map(_mapped, node.items())
    ]


def _mapped(node: Node) -> Node:
    node.mapping()
    return node


def _joined(node: Node) -> Node:
    """The first of the answer's messages, its parts as content."""
    if not isinstance(node.value, list) or not node.value:
        return Node(None, node.file, node.path)
    first = next(node.items())
    if first.has("parts"):
        return Node({"content": [p for p in _parts(first["parts"]) if p.get("type") == "text"]}, node.file, first.path)
    return first


def _attributes(node: Node) -> dict[str, Any]:
    return {item["key"].text(): _value(item["value"]) for item in node.items()}


def _value(node: Node) -> Any:
    """An attribute's value, out of OTLP's wrappings. 64-bit numbers are texts there."""
    for key, item in node.pairs():
        if key in ("stringValue", "string_value"):
            return item.text()
        if key in ("intValue", "int_value"):
            return _whole(item)
        if key in ("doubleValue", "double_value", "boolValue", "bool_value"):
            return item.value
        if key in ("arrayValue", "array_value"):
            return [_value(inner) for inner in item["values"].items()]
        if key in ("kvlistValue", "kvlist_value"):
            return _attributes(item["values"])
    return None


def _whole(node: Node) -> int:
    text = str(node.value)
    if not text.lstrip("-").isdecimal() or len(text) > 20 or isinstance(node.value, bool):
        raise node.wrong("a whole number")
    return int(text)


def _count(facts: Node, *keys: str) -> int | None:
    return next((facts[key].whole() for key in keys if facts.has(key)), None)


def _took(span: Node) -> float | None:
    start = span["startTimeUnixNano"] if span.has("startTimeUnixNano") else span["start_time_unix_nano"]
    end = span["endTimeUnixNano"] if span.has("endTimeUnixNano") else span["end_time_unix_nano"]
    if not start or not end:
        return None
    took = _whole(end) - _whole(start)
    if took < 0:
        raise end.fault("ends before the span starts; correct the log, or leave the span out")
    return round(took / 1e9, 6)


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("otel-genai", "OpenTelemetry GenAI spans, OTLP JSON", looks, read, log)
