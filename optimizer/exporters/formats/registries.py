"""MLflow's prompt registry and Langfuse: files that hold the arguments of the call that registers the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from optimizer.exporters.formats.jinja import engine, fill, jinja
from optimizer.exporters.formats.messages import parameters
from optimizer.exporters.names import MLFLOW, asked_directly, provider_of, renamed
from optimizer.exporters.rendering import Said, doubled, faithful, identifiers, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.results.records import as_json

_VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_]\w*(?:\.[a-zA-Z_]\w*)*)\s*\}\}", re.ASCII)
_SIGN = "{% if true %}{% endif %}"  # prints nothing, and says that all the messages are Jinja


def mlflow(shipment: Shipment) -> Export:
    """MLflow's prompt registry: `mlflow.genai.register_prompt(**json.load(open("register_prompt.json")))`.

    A prompt with `{%` and `%}` in its text is taken for a Jinja template there, so it is written as one; so is a prompt
    whose text looks as if it asked for a variable.
    """
    turns = plain(shipment, "mlflow", logic=True, tools=True)
    identifiers(shipment, "mlflow", r"[A-Za-z_]\w*")
    if shipment.logic or _is_jinja(doubled(turns)) or _asks_for_more(doubled(turns), shipment.variables):
        messages = [{**m, "content": _kept(m["content"])} for m in jinja(turns)]
        messages[0]["content"] = _SIGN + messages[0]["content"]
    else:
        messages = doubled(turns)
    how = fill(engine(keep_trailing_newline=False)) if _is_jinja(messages) else one_by_one
    notes = faithful(shipment, "mlflow", substituted(messages, how))
    provider, name = provider_of(shipment.model)
    known, others = renamed(asked_directly(shipment.model, shipment.params), MLFLOW)
    config = {"provider": provider or None, "model_name": name, **known, "extra_params": others or None}
    arguments = {
        "name": shipment.slug,
        "template": messages,
        "commit_message": f"{shipment.name} for {shipment.model}, by promptport",
        "tags": {"promptport": "export", "model": shipment.model},
        "model_config": {key: value for key, value in config.items() if value is not None},
    }
    return Export({"register_prompt.json": as_json(arguments, sort=False)}, notes)


def langfuse(shipment: Shipment) -> Export:
    """Langfuse: the arguments of `langfuse.create_prompt(**...)`. No label: whoever promotes it gives `production`."""
    messages = doubled(plain(shipment, "langfuse", tools=True, history=True))
    notes = faithful(shipment, "langfuse", substituted(messages, scanned, place=scanned))
    if place := shipment.prompt.history:
        messages = [m if m["role"] != "placeholder" else {"type": "placeholder", "name": place} for m in messages]
    arguments: dict[str, Any] = {
        "name": shipment.slug,
        "type": "chat",
        "prompt": messages,
        "config": parameters(shipment),
        "labels": [],
        "tags": ["promptport"],
        "commit_message": f"{shipment.name} for {shipment.model}, by promptport",
    }
    return Export({"create_prompt.json": as_json(arguments, sort=False)}, notes)


def one_by_one(text: str, values: Mapping[str, str]) -> str:
    """One variable after the other, in the order in which they are given: what was filled in is read again."""
    for name, value in values.items():
        text = re.sub(rf"\{{\{{\s*{name}\s*\}}\}}", lambda _m, value=value: value, text)  # type: ignore[misc]
    return text


def scanned(text: str, values: Mapping[str, str]) -> str:
    """From each `{{` to the next `}}`, whatever stands between; only a known name is filled in."""
    return re.sub(r"\{\{(.*?)\}\}", lambda m: values.get(m[1].strip(), m[0]), text, flags=re.DOTALL)


def _is_jinja(messages: Said) -> bool:
    """MLflow's own test, of each message by itself."""
    return any("{%" in m["content"] and "%}" in m["content"] for m in messages)


def _asks_for_more(messages: Said, variables: Sequence[str]) -> bool:
    """MLflow wants a value for whatever looks like a variable, also where that is text."""
    return any(set(_VARIABLE.findall(message["content"])) - set(variables) for message in messages)


def _kept(content: str) -> str:
    """Jinja drops one new line at the end."""
    return content + "{{ '' }}" if content.endswith("\n") else content
