"""Google's dotprompt: front matter and a Handlebars body, in which `{{role "..."}}` begins a turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizer.config.yamlfile import write_yaml
from optimizer.exporters.names import DOTPROMPT, renamed
from optimizer.exporters.rendering import Said, faithful, identifiers, printed
from optimizer.exporters.shipment import Export, Shipment, plain

_ROLES = {"system": "system", "user": "user", "assistant": "model"}
_MARKER = re.compile(r"<<<dotprompt:role:([a-z]+)>>>|<<<dotprompt:(?:history|section|media:url).*?>>>")
_TAG = re.compile(r"\{\{([A-Za-z_]\w*)\}\}(?!\})|\{\{role \"([a-z]+)\"\}\}(?!\})|\{\{(!)\}\}", re.ASCII)
_NOTE = "a value that holds <<<dotprompt:role:...>>> becomes a turn there: take that out of what users write"


def dotprompt(shipment: Shipment) -> Export:
    """Google dotprompt (`.prompt`): `new Dotprompt().render(source, {input})`.

    The reply's schema is not written into `output`: whoever runs the file would put it into the prompt.
    """
    turns = plain(shipment, "dotprompt")
    identifiers(shipment, "dotprompt")
    messages = printed(turns, "{{{{{}}}}}".format, _literal)
    # What stands behind the last turn is trimmed, and an empty turn is dropped: so one comes last.
    body = "".join(f'{{{{role "{_ROLES[m["role"]]}"}}}}{m["content"]}' for m in messages) + '{{role "model"}}'
    notes = faithful(shipment, "dotprompt", lambda values: _read(body, values))
    config, others = renamed(shipment.params, DOTPROMPT)
    front: dict[str, Any] = {
        "model": shipment.model,
        **({"config": config | others} if config or others else {}),
        "input": {"schema": dict.fromkeys(shipment.variables, "string")},
    }
    return Export({f"{shipment.slug}.prompt": f"---\n{write_yaml(front)}---\n{body}\n"}, (*notes, _NOTE))


def _literal(text: str) -> str:
    """A brace right behind a variable is kept apart from it by an empty comment."""
    return ("{{!}}" if text.startswith("}") else "") + text.replace("{{", "\\{{")


def _read(body: str, values: Mapping[str, str]) -> Said:
    """What dotprompt makes of the body: the template is trimmed, Handlebars fills in, markers divide."""
    pieces = _MARKER.split(_filled(body.strip(), values))
    names = {theirs: ours for ours, theirs in _ROLES.items()}
    said: Said = [{"role": "user", "content": pieces[0] if pieces[0].strip() else ""}]
    for role, content in zip(pieces[1::2], pieces[2::2], strict=True):
        if role is None:
            raise ValueError("a marker of dotprompt's own stands in the text")
        if said[-1]["content"].strip():
            said.append({"role": names[role], "content": ""})
        said[-1]["role"] = names[role]
        said[-1]["content"] += content if content.strip() else ""
    return [one for one in said if one["content"]]


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Handlebars without escaping: `{{name}}` and roles; a backslash makes `{{` text, two make one of themselves."""
    done, at = [], 0
    while (found := text.find("{{", at)) >= 0:
        slashes = len(text[at:found]) - len(text[at:found].rstrip("\\"))
        if slashes == 1:
            done.append(text[at : found - 1] + "{{")
            at = found + 2
            continue
        done.append(text[at : found - (slashes >= 2)])
        if not (tag := _TAG.match(text, found)):
            raise ValueError(f"Handlebars cannot read {text[found : found + 20]!r}")
        done.append("" if tag[3] else f"<<<dotprompt:role:{tag[2]}>>>" if tag[2] else values[tag[1]])
        at = tag.end()
    return "".join(done) + text[at:]
