"""LiteLLM's prompt management: its own dotprompt dialect where that keeps every byte, else its generic prompt API.

The dialect strips every line and takes `User:` at the beginning of a line for a turn, also in what was filled in; so it
holds only prompts whose variables are no free text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizer.config.yamlfile import write_yaml
from optimizer.errors import ExportError
from optimizer.exporters.formats.jinja import engine, fill, jinja
from optimizer.exporters.rendering import Said, faithful, printed, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.results.records import as_json

_ROLES = {"system": "System:", "user": "User:", "assistant": "Assistant:"}
_RESERVED = {"model", "input", "output"}


def litellm(shipment: Shipment) -> Export:
    """LiteLLM prompt management: a `.prompt` file where it is lossless, else an answer of the generic prompt API."""
    try:
        return _dotprompt(shipment)
    except ExportError as problem:
        reason = str(problem).partition("; ")[0]  # what follows is the way out for who has no other
        return _generic(shipment).noting(
            f"written for the generic prompt API, since LiteLLM's .prompt files cannot hold it: {reason}"
        )


def _dotprompt(shipment: Shipment) -> Export:
    messages = jinja(plain(shipment, "litellm", logic=True), lambda name: f"{{{{ {name}|safe }}}}")
    body = "\n".join(f"{_ROLES[m['role']]} {m['content']}" for m in messages)
    filled = fill(engine(autoescape=True, keep_trailing_newline=False))
    notes = faithful(shipment, "litellm", lambda values: _read(filled(body.strip(), values)))
    front: dict[str, Any] = {"model": shipment.model, **shipment.params}
    front["input"] = {"schema": dict.fromkeys(shipment.variables, "string")}
    if lost := _RESERVED & set(shipment.params):
        raise ExportError(f"litellm: the parameter {min(lost)!r} has the name of a key of the file")
    file = f"prompts/{shipment.slug}.prompt"
    how = {"prompt_integration": "dotprompt", "prompt_file": file}  # as seen from where the proxy is started
    files = {file: f"---\n{write_yaml(front)}---\n{body}\n"}
    return Export({**files, "config.yaml": _config(shipment, how)}, notes)


def _generic(shipment: Shipment) -> Export:
    """`{name}`, one variable after the other. The path is that of the API, so that any file server can answer."""
    messages = printed(plain(shipment, "litellm", tools=True), "{{{}}}".format)
    notes = faithful(shipment, "litellm", substituted(messages, _replaced))
    answer = {
        "prompt_id": shipment.slug,
        "prompt_template": messages,
        "prompt_template_model": shipment.model,
        "prompt_template_optional_params": dict(shipment.params),
    }
    how = {"prompt_integration": "generic_prompt_management", "api_base": "os.environ/PROMPT_API_BASE"}
    files = {"beta/litellm_prompt_management": as_json(answer, sort=False), "config.yaml": _config(shipment, how)}
    return Export(files, notes)


def _config(shipment: Shipment, how: Mapping[str, str]) -> str:
    entry = {"prompt_id": shipment.slug, "litellm_params": {"prompt_id": shipment.slug, **how}}
    return write_yaml({"prompts": [entry]})


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value).replace(f"{{{{{name}}}}}", value)
    return text


def _read(rendered: str) -> Said:
    said: Said = []
    for whole in rendered.strip().split("\n"):
        line = whole.strip()
        if marker := re.match(r"(System|User|Assistant):", line):
            said.append({"role": marker[1].lower(), "content": line[marker.end() :].strip()})
        elif said:
            said[-1]["content"] += f"\n{line}"
        else:
            said.append({"role": "user", "content": line})
    return [{**one, "content": one["content"].strip()} for one in said]
