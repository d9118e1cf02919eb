"""A chat request as JSON: a list of messages, or the body of a call to chat completions, with {{variables}}."""

from __future__ import annotations

from optimizer.importers.parsing import dialects, knobs, schemas, toolbox
from optimizer.importers.parsing.chat import Losses, turns
from optimizer.importers.parsing.companion import completed
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, Wish

_CARRIED = (
    "model",
    "messages",
    "response_format",
    "tools",
    "tool_choice",
    "parameters",
    "params",
    "name",
    "n",
    "stream",
)


def looks(source: Source) -> bool:
    if source.ending not in (".json", ""):
        return False
    found = source.json
    if isinstance(found, dict):
        others = ("choices", "lc", "output", "request")
        if not isinstance(found.get("messages"), list) or not found.keys().isdisjoint(others):
            return False
        if str(found.get("id", "")).startswith("pmpt_"):
            return False
        found = found["messages"]
    return isinstance(found, list) and bool(found) and all(isinstance(m, dict) and "role" in m for m in found)


def read(source: Source, _wish: Wish) -> Draft:
    data, lost = source.json, Losses()
    body = Node({"messages": data} if isinstance(data, list) else data, source.name)
    found = turns(body["messages"], dialects.placeholders, lost)
    params = knobs.params(body, lost, known=_CARRIED)
    for key in ("parameters", "params"):
        params |= knobs.params(body[key], lost, known=("response_format",))
    name = body["model"].maybe()
    draft = Draft(
        format=FORMAT.name,
        name=source.path.stem,
        turns=found,
        model=knobs.model(name) if name else None,
        params=params,
        reply=schemas.response_format(body["response_format"], lost),
        tools=toolbox.openai(body["tools"], lost),
        tool_choice=toolbox.choice(body["tool_choice"], lost),
        lost=lost.all,
    )
    return completed(draft, source)


FORMAT = Format("openai-chat", "messages as JSON, or the body of a chat-completions call", looks, read)
