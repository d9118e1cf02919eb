"""LangChain: a ChatPromptTemplate as `langchain_core.load.dumpd` writes it, with f-string templates.

Never Jinja, which LangChain does not load from files since it could run code there.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

from optimizer.exporters.formats.messages import parameters
from optimizer.exporters.rendering import faithful, identifiers, printed, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.results.records import as_json

_KINDS = {"system": "System", "user": "Human", "assistant": "AI"}


def langchain(shipment: Shipment) -> Export:
    """LangChain JSON: `langchain_core.load.loads(...)` gives the ChatPromptTemplate."""
    turns = plain(shipment, "langchain", tools=True, history=True)
    identifiers(shipment, "langchain")
    messages = printed(turns, "{{{}}}".format, lambda text: text.replace("{", "{{").replace("}", "}}"))
    notes = faithful(shipment, "langchain", substituted(messages, _formatted))
    parts = [
        # Earlier turns are handed over as LangChain's messages, or as OpenAI's, by the name of their variable.
        _made("MessagesPlaceholder", "chat", variable_name=shipment.prompt.history)
        if m["role"] == "placeholder"
        else _made(f"{_KINDS[m['role']]}MessagePromptTemplate", "chat", prompt=_template(m["content"]))
        for m in messages
    ]
    whole = _made("ChatPromptTemplate", "chat", input_variables=sorted(shipment.variables), messages=parts)
    return Export({"prompt.json": as_json(whole, sort=False), "parameters.json": as_json(parameters(shipment))}, notes)


def _formatted(text: str, values: Mapping[str, str]) -> str:
    return Formatter().vformat(text, (), values)


def _template(text: str) -> dict[str, Any]:
    asked = sorted({name for _, name, _, _ in Formatter().parse(text) if name})
    return _made("PromptTemplate", "prompt", input_variables=asked, template=text, template_format="f-string")


def _made(name: str, module: str, **arguments: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", module, name], "kwargs": arguments}
