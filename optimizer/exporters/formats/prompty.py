"""Prompty (2.x): front matter and a Jinja body, in which a line such as `user:` begins a turn.

Its parser trims new lines around each message and takes every separator for a new line. A message without variables
that this would change stands in the front matter instead, as the default of an input of the kind `thread`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from optimizer.config.yamlfile import write_yaml
from optimizer.errors import ExportError
from optimizer.exporters.formats.jinja import engine, fill, jinja
from optimizer.exporters.names import PROMPTY, provider_of, renamed
from optimizer.exporters.rendering import ROLES, SPACE, Render, Said, faithful, identifiers
from optimizer.exporters.shipment import Export, Shipment, plain

_ROLE = re.compile(r"\s*#?\s*(system|user|assistant|developer)(\[[^\]]*\])?\s*:\s*", re.IGNORECASE)
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]|---|\\+\\+\\+")


def prompty(shipment: Shipment) -> Export:
    """Prompty: `prompty.prepare(prompty.load("NAME.prompty"), inputs)`."""
    turns = plain(shipment, "prompty", logic=True)
    identifiers(shipment, "prompty")
    written = jinja(turns)
    fixed = [not turn.content.names and not shipment.logic and not _survives(turn.content.text) for turn in turns]
    body: list[str] = []
    threads: dict[str, Said] = {}
    for is_fixed, group in groupby(zip(written, turns, fixed, strict=True), key=lambda one: one[2]):
        if is_fixed:
            name = f"turns_{len(threads) + 1}"
            threads[name] = [{"role": turn.role, "content": turn.content.text} for _, turn, _ in group]
            body.append(f"user:\n{{{{ {name} }}}}\n")
        else:
            body += [f"{message['role']}:\n{message['content']}\n" for message, _, _ in group]
    text = "".join(body)
    for message, is_fixed in zip(written, fixed, strict=True):
        if not is_fixed and (line := next(filter(_ROLE.fullmatch, message["content"].splitlines()), None)):
            raise ExportError(
                f"prompty: the line {line.strip()!r} of the prompt would begin a turn; use --as openai, or --as bundle"
            )
    # A line with a role in a value never becomes a turn: in its strict mode, the default, Prompty refuses the value.
    tolerated = (ROLES, SPACE)
    notes = faithful(shipment, "prompty", _reader(text, threads), tolerated=tolerated)
    return Export({f"{shipment.slug}.prompty": _front(shipment, threads) + text}, notes)


def _survives(text: str) -> bool:
    lines = text.splitlines()
    return "\n".join(lines).strip("\n") == text and text != "" and not any(map(_ROLE.fullmatch, lines))


def _front(shipment: Shipment, threads: Mapping[str, Any]) -> str:
    provider, name = provider_of(shipment.model)
    options, others = renamed(shipment.params, PROMPTY)
    options |= {"additionalProperties": others} if others else {}
    head: dict[str, Any] = {
        "name": shipment.slug,
        "description": f"{shipment.name} for {shipment.model}, by promptport",
        "model": {"id": name, **({"provider": provider} if provider else {}), "apiType": "chat", "options": options},
        "inputs": {name: {"kind": "string", "required": True} for name in shipment.variables},
        "template": {"format": {"kind": "jinja2"}, "parser": {"kind": "prompty"}},
    }
    text = write_yaml(head)
    if "---" in text or "+++" in text:  # either would end the front matter
        raise ExportError("prompty: a name or parameter holds --- or +++, which ends the front matter; use --as openai")
    lines = [f"  {name}: {{kind: thread, default: {_quoted(turns)}}}\n" for name, turns in threads.items()]
    place = text.index("template:")
    opening = "" if shipment.variables else "inputs:\n"
    return f"---\n{text[:place]}{opening}{''.join(lines)}{text[place:]}---\n"


def _quoted(value: Any) -> str:
    """JSON that is YAML too, whatever a text holds; and never the end of the front matter."""
    text = json.dumps(value, ensure_ascii=False)
    return _HIDDEN.sub(lambda m: "".join(f"\\u{ord(char):04x}" for char in m[0]), text)


def _reader(text: str, threads: Mapping[str, Said]) -> Render:
    """What Prompty makes of the body: boundaries are marked, Jinja fills in, lines make messages, threads step in."""
    marked = "".join(
        f"{line.strip()[:-1]}[marked]:\n" if _ROLE.fullmatch(line.strip()) else line for line in text.splitlines(True)
    )
    fills = fill(engine())

    def render(values: Mapping[str, str]) -> Said:
        filled = fills(marked, {**values, **{name: f"<thread {name}>" for name in threads}})
        found: list[tuple[str, list[str]]] = []
        for line in filled.splitlines():
            if role := _ROLE.fullmatch(line.strip()):
                if role[2] != "[marked]":
                    raise ValueError("a value has a line with a role marker, which Prompty refuses")
                found.append((role[1].lower(), []))
            else:
                found[-1][1].append(line)
        spoken = [{"role": role, "content": "\n".join(lines).strip("\n")} for role, lines in found if lines]
        named = {f"<thread {name}>": turns for name, turns in threads.items()}
        return [turn for one in spoken for turn in named.get(one["content"], [one])]

    return render
