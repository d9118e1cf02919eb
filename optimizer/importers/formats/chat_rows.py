"""Chat completions, one a line: fine-tuning files, stored completions, and the files of the batch API."""

from __future__ import annotations

from optimizer.importers.parsing import knobs
from optimizer.importers.parsing.chat import Losses, asked, spoken
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.logs import answer
from optimizer.importers.parsing.node import Node
from optimizer.importers.recover import drafted
from optimizer.importers.values import Draft, Format, Log, Record, Wish


def looks(source: Source) -> bool:
    if source.ending not in (".jsonl", ".ndjson", ".json"):
        return False
    if source.ending == ".json" and (not isinstance(source.json, list) or "role" in (source.json or [{}])[0]):
        return isinstance(source.json, dict) and "choices" in source.json and "messages" in source.json
    _, first = source.items[0]
    return isinstance(first, dict) and (
        (isinstance(first.get("messages"), list) and "start_time" not in first and "startTime" not in first)
        or (isinstance(first.get("request"), dict) and "response" in first)
    )


def log(source: Source) -> Log:
    lost = Losses()
    records = [_record(Node(value, source.name, place), lost) for place, value in source.items]
    gold = any(record.expected is not None for record in records)
    told = "the assistant's last message of each line was taken for the right answer: see that it is one"
    return Log(tuple(records), lost.all, told if gold else "")


def _record(node: Node, lost: Losses) -> Record:
    identity = node["id"].maybe() or node["custom_id"].maybe() or node.path.replace("line ", "")
    request = node["request"] if node["request"] else node
    response = node["response"]["body"] if node["response"].has("body") else node["response"]
    response = response if response else node
    if request["tools"] or request["functions"]:
        lost.add("tools: define them where the prompt is called")
    messages = request["messages"]
    items = list(messages.items())
    if not items:
        raise messages.wrong("a list of messages with one at least")
    if response.has("choices") or (node["response"] and not node["messages"]):
        usage = response["usage"]
        return Record(
            id=identity,
            said=asked(messages, lost),
            output=answer(response, lost),
            model=_model(response, request),
            input_tokens=usage["prompt_tokens"].whole(),
            output_tokens=usage["completion_tokens"].whole(),
            params=knobs.params(request, Losses(), known=("messages", "model")),
        )
    last = spoken(items[-1], lost)
    if last is None or last[0] != "assistant":
        return Record(id=identity, said=asked(messages, lost), model=_model(node, request))
    if items[-1]["weight"].value == 0:
        lost.add("lines whose last message has the weight 0: they say that it is no answer to learn from")
        return Record(id=identity)
    before = Node(messages.value[:-1], node.file, messages.path)
    for item in items[:-1]:
        if item["weight"]:
            lost.add("the weight of earlier messages")
    return Record(id=identity, said=asked(before, lost), expected=last[1], model=_model(node, request))


def _model(response: Node, request: Node) -> str | None:
    name = response["model"].maybe() or request["model"].maybe()
    return knobs.model(name, None if "/" in name else "openai") if name else None


def read(source: Source, _wish: Wish) -> Draft:
    return drafted(log(source), FORMAT.name, source.name)


FORMAT = Format("openai-chat-rows", "chat completions by line: fine-tuning, stored, batch", looks, read, log)
