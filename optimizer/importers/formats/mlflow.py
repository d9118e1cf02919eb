"""MLflow's traces as JSON (`trace.to_json()`, one or several), with the expectations that people logged for them."""

from __future__ import annotations

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.parsing.files import Source, parse_json
from optimizer.importers.parsing.logs import answer, conversation, inputs_of, loose_mapping
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, ImportFault, Log, Record, Wish
from optimizer.types import JSON

_GOLD = ("expected_response", "expected_output", "expected", "answer", "ground_truth")
_MODELS = ("CHAT_MODEL", "LLM")


def looks(source: Source) -> bool:
    if source.ending not in (".json", ".jsonl", ".ndjson"):
        return False
    first = source.items[0][1]
    if not isinstance(first, dict):
        return False
    info, data = first.get("info"), first.get("data")
    return (
        isinstance(info, dict)
        and isinstance(data, dict)
        and "spans" in data
        and ("trace_id" in info or "request_id" in info)
    )


def log(source: Source) -> Log:
    lost, records = Losses(), []
    named: dict[str, None] = {}
    for place, value in source.items:
        node = Node(value, source.name, place)
        if (node["info"]["state"].maybe() or node["info"]["status"].maybe() or "OK") != "OK":
            lost.add("traces that failed")
            continue
        gold, name = _expectation(node["info"]["assessments"], lost)
        named |= dict.fromkeys([name] if name else [])
        records.append(_record(node, gold, lost))
    if not records:
        raise ImportFault(f"{source.name}: has no trace that ended well; export others")
    return Log(tuple(records), lost.all, f"the right answer is the expectation {', '.join(named)}" if named else "")


def _expectation(node: Node, lost: Losses) -> tuple[JSON, str]:
    found: dict[str, JSON] = {}
    for item in node.items():
        if item["valid"].value is False:
            continue
        name = item["assessment_name"].maybe() or "expected"
        if item.has("expectation"):
            inner = item["expectation"]
            value = inner["value"].value if "value" in inner.mapping() else inner["serialized_value"]["value"].value
            found.setdefault(name, value)
        else:
            lost.add(f"the feedback {name!r}: answers are scored anew")
    name = next((key for key in _GOLD if key in found), next(iter(found), ""))
    for other in found:
        if other != name:
            lost.add(f"the expectation {other!r}: an example has one gold answer")
    return found.get(name), name


def _record(node: Node, gold: JSON, lost: Losses) -> Record:
    """By the call of its model, where the trace has exactly one; else by what the whole was given and answered."""
    spans = [(span, _attributes(span)) for span in node["data"]["spans"].items()]
    if not spans:
        raise node["data"]["spans"].fault("is empty; export the trace with its spans")
    models = [(span, facts) for span, facts in spans if facts["mlflow.spanType"].value in _MODELS]
    if len(models) > 1:
        lost.add("the single calls of a trace with several: the task has what the whole was given and answered")
    span, facts = models[0] if len(models) == 1 else _root(spans)
    if len(models) == 1 and len(spans) > 1:
        lost.add("the steps around the call of the model")
    given = facts["mlflow.spanInputs"].loose()
    said = conversation(given, lost)
    name = facts["mlflow.llm.model"].maybe()
    if name is None and isinstance(given.value, dict):
        name = given["model"].maybe()
    usage = loose_mapping(facts["mlflow.chat.tokenUsage"])
    info = node["info"]
    return Record(
        id=(info["trace_id"] if info.has("trace_id") else info["request_id"]).text(),
        said=said or (),
        inputs=inputs_of(given) if said is None and given else None,
        output=answer(facts["mlflow.spanOutputs"], lost),
        expected=gold,
        model=knobs.model(name, facts["mlflow.llm.provider"].maybe() or _provider(name)) if name else None,
        latency=_took(span),
        input_tokens=usage["input_tokens"].whole(),
        output_tokens=usage["output_tokens"].whole(),
        cost=loose_mapping(facts["mlflow.llm.cost"])["total_cost"].number(),
        params=knobs.params(given, Losses(), known=("messages", "model"))
        if isinstance(given.value, dict) and said
        else {},
    )


def _provider(name: str) -> str | None:
    return "openai" if name.startswith(("gpt-", "o1", "o3", "o4")) else None


def _root(spans: list[tuple[Node, Node]]) -> tuple[Node, Node]:
    for span, facts in spans:
        if not any(span[key].value for key in ("parent_span_id", "parent_id")):
            return span, facts
    return spans[0]


def _attributes(span: Node) -> Node:
    """Each attribute is JSON in a text."""
    found: dict[str, JSON] = {}
    for key, value in span["attributes"].pairs():
        found[key] = (
            parse_json(value.value, value.place)
            if isinstance(value.value, str) and value.value.strip()
            else value.value
        )
    return Node(found, span.file, f"{span.path}.attributes")


def _took(span: Node) -> float | None:
    start = span["start_time_unix_nano"] if span.has("start_time_unix_nano") else span["start_time"]
    end = span["end_time_unix_nano"] if span.has("end_time_unix_nano") else span["end_time"]
    if not start or not end:
        return None
    for node in (start, end):
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            raise node.wrong("nanoseconds since 1970")
    if end.value < start.value:
        raise end.fault("ends before the span starts; correct the log, or leave the trace out")
    return round(float(end.value - start.value) / 1e9, 6)


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("mlflow", "MLflow's traces, with expectations", looks, read, log)
