"""OpenAI's stored prompts (pmpt_...): their messages or instructions with {{variables}}, model and settings."""

from __future__ import annotations

import json

from optimizer.importers.parsing import dialects, knobs, schemas, toolbox
from optimizer.importers.parsing.chat import Losses, turns
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, Wish
from optimizer.prompt.layout import Turn
from optimizer.types import JSON

_SETTINGS = ("temperature", "top_p", "max_output_tokens", "reasoning_effort", "max_tokens")
_CARRIED = (
    "id",
    "object",
    "name",
    "version",
    "model",
    "variables",
    "text",
    "tool_choice",
    "tools",
    "created_at",
    "is_default",
    *_SETTINGS,
)
_TEXTS = ("instructions", "messages", "input", "prompt", "reasoning", "response_format", "default_version")


def looks(source: Source) -> bool:
    if source.ending not in (".json", ""):
        return False
    found = source.json
    if not isinstance(found, dict):
        return False
    inner = found.get("prompt")
    named = found.get("id") if not isinstance(inner, dict) else inner.get("id")
    return isinstance(named, str) and named.startswith("pmpt_")


def read(source: Source, _wish: Wish) -> Draft:
    node, lost = Node(source.json, source.name), Losses()
    inner = node["prompt"]
    whole = inner if isinstance(inner.value, dict) and (inner.has("messages") or inner.has("instructions")) else node
    found = _turns(whole, lost)
    for key in whole.mapping():
        if key not in (*_CARRIED, *_TEXTS):
            lost.add(f"{key}: a task has no place for it")
    settings = {key: whole.value[key] for key in _SETTINGS if whole.value.get(key) is not None}
    effort = whole["reasoning"]["effort"].maybe()
    name = whole["model"].maybe()
    given = whole["text"]["format"] if whole.has("text") else whole["response_format"]
    return Draft(
        format=FORMAT.name,
        name=whole["name"].maybe() or source.path.stem,
        turns=found,
        model=knobs.model(name, "openai") if name else None,
        params=knobs.params(Node(settings, source.name), lost) | ({"reasoning_effort": effort} if effort else {}),
        reply=schemas.response_format(given, lost),
        tools=toolbox.openai(whole["tools"], lost),
        tool_choice=toolbox.choice(whole["tool_choice"], lost),
        defaults=dict(_defaults(whole["variables"])),
        lost=lost.all,
    )


def _turns(node: Node, lost: Losses) -> tuple[Turn, ...]:
    """Instructions stand before the messages; both may be lists of messages, or texts."""
    messages: list[JSON] = []
    for key, role in (("instructions", "system"), ("messages", "user"), ("input", "user")):
        value = node[key].value
        if isinstance(value, str):
            messages.append({"role": role, "content": value})
        else:
            messages += [item.value for item in node[key].items()]
    if not messages:
        raise node.fault(
            "names a stored prompt, but does not hold its text; open the prompt in the dashboard, and put its messages "
            "here as `messages: [{role, content}]`"
        )
    return turns(Node(messages, node.file, "messages"), dialects.placeholders, lost)


def _defaults(node: Node) -> list[tuple[str, JSON]]:
    """Values that were sent along with the prompt; of a list of definitions, their defaults."""
    if isinstance(node.value, list):
        return [(item["name"].text(), item["default"].value) for item in node.items() if item.has("name", "default")]
    found: list[tuple[str, JSON]] = []
    for key, value in node.pairs():
        plain = value.value
        if isinstance(plain, dict):
            plain = value["text"].text() if plain.get("type") == "input_text" else json.dumps(plain)
        if plain not in (None, ""):
            found.append((key, plain))
    return found


FORMAT = Format("openai-prompt", "OpenAI's stored prompt (pmpt_...) with its messages", looks, read)
