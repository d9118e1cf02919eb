"""OpenAI messages with their parameters, and plain text: forms that come without a template language of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizer.errors import ExportError
from optimizer.exporters.names import asked_directly
from optimizer.exporters.rendering import doubled, faithful, in_one_pass, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.reader import content
from optimizer.results.records import as_json


def openai(shipment: Shipment) -> Export:
    """OpenAI messages with `{{name}}` for what is filled in, and the parameters of the request."""
    shown = {name: f"{{{{{name}}}}}" for name in shipment.variables}
    turns = plain(shipment, "openai", tools=True, media=True)
    messages = [{"role": turn.role, "content": content(turn.content.parts, shown)} for turn in turns]
    notes = faithful(shipment, "openai", lambda values: _filled(messages, values))
    return Export(
        {"messages.json": as_json(messages, sort=False), "parameters.json": as_json(parameters(shipment))}, notes
    )


def text(shipment: Shipment) -> Export:
    """The text of a prompt that is one user message, to the byte; a system message gets a file of its own."""
    messages = doubled(plain(shipment, "text", tools=True))
    if [m["role"] for m in messages] not in (["user"], ["system", "user"]):
        raise ExportError(
            f"text: the prompt has the turns {[m['role'] for m in messages]}, which plain text cannot keep apart; "
            "use --as openai"
        )
    notes = faithful(shipment, "text", substituted(messages, in_one_pass))
    files = {f"{m['role']}.txt": m["content"] for m in messages}
    return Export({**files, "parameters.json": as_json(parameters(shipment))}, notes)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """Every string of the messages, also within the parts of an image."""
    if isinstance(value, str):
        return in_one_pass(value, values)
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return {key: _filled(item, values) for key, item in value.items()} if isinstance(value, dict) else value


def parameters(shipment: Shipment) -> dict[str, Any]:
    """The request beside its messages: the model, and parameters by OpenAI's names."""
    return {"model": shipment.model, **asked_directly(shipment.model, shipment.params)}
