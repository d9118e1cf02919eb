"""Amazon Bedrock: prompt management, and templates for its advanced prompt optimisation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from optimizer.errors import ExportError
from optimizer.exporters.formats.messages import parameters
from optimizer.exporters.names import BEDROCK, provider_of, renamed
from optimizer.exporters.rendering import Render, Said, doubled, faithful, identifiers, substituted
from optimizer.exporters.shipment import Export, Shipment, plain
from optimizer.reader import fill
from optimizer.results.records import as_json

_NAME = r"([0-9a-zA-Z][_-]?){1,100}"
_MODEL = re.compile(r"(arn:[\w:\-]+/?)?[\w.\-]+(:[\w\-]+){0,2}(/\w{1,12})?", re.ASCII)
_MOST = 20  # variables
_SAMPLES = 100
_ADVPO = "bedrock-2026-05-14"
_ONE_MESSAGE = "; a prompt of one user message stays one in a search space without `placement` and `demos`"
_WHITHER = "use --as openai, or --as bundle"


def bedrock(shipment: Shipment) -> Export:
    """Bedrock prompt management: `aws bedrock-agent create-prompt --cli-input-json file://create-prompt.json`.

    A prompt that is one user message becomes a TEXT variant, all others CHAT: only one variant is allowed, and gateways
    that take managed prompts by their ARN read the first one, if it is TEXT. The parameters are repeated in a file of
    their own, since these gateways do not read them from the prompt.
    """
    messages = doubled(plain(shipment, "bedrock", tools=True))
    variables = _variables(shipment, "bedrock")
    notes = _checked(shipment, "bedrock", messages)
    roles = [m["role"] for m in messages]
    as_text = roles == ["user"] and not shipment.prompt.tools
    chat = _chat(messages, variables) | _tools(shipment)
    configuration = {"text": _text(messages, variables)} if as_text else {"chat": chat}
    known, others = _inference(shipment)
    variant: dict[str, Any] = {
        "name": "migrated",
        "templateType": "TEXT" if as_text else "CHAT",
        "templateConfiguration": configuration,
        **_model_id(shipment.model),
        **({"inferenceConfiguration": {"text": known}} if known else {}),
        **({"additionalModelRequestFields": others} if others else {}),
    }
    request = {
        "name": shipment.slug,
        "description": f"{shipment.name} for {shipment.model}, by promptport"[:200],
        "defaultVariant": "migrated",
        "variants": [variant],
    }
    if not as_text:
        why = "tools" if shipment.prompt.tools else f"the turns {roles}"
        way = "" if shipment.prompt.tools else _ONE_MESSAGE
        notes = (*notes, f"{why} take a CHAT variant; a gateway that reads TEXT alone cannot use it{way}")
    if "modelId" not in variant:
        notes = (*notes, f"{shipment.model!r} is no Bedrock model: the prompt names none; set modelId")
    files = {"create-prompt.json": as_json(request, sort=False), "parameters.json": as_json(parameters(shipment))}
    return Export(files, notes)


def advpo(shipment: Shipment) -> Export:
    """Bedrock's advanced prompt optimisation: the template with samples of the training examples, one line of JSONL.

    Held-out examples never leave the run this way: whoever optimises further still needs them.
    """
    messages = doubled(plain(shipment, "advpo"))
    if (roles := [m["role"] for m in messages]) != ["user"]:
        raise ExportError(f"advpo: a template is one user message, the prompt has the turns {roles}; {_WHITHER}")
    variables = _variables(shipment, "advpo")
    notes = _checked(shipment, "advpo", messages)
    if tag := re.search(r"</?advpo:[^<>]*>", messages[0]["content"]):
        raise ExportError(
            f"advpo: the text holds {tag[0]!r}, which the service takes for a mark of its own; {_WHITHER}"
        )
    line = {
        "version": _ADVPO,
        "templateId": shipment.slug,
        "promptTemplate": _guarded(messages[0]["content"], shipment.prompt.protected),
        "steeringCriteria": [],
        "evaluationSamples": _samples(shipment, variables),
    }
    text = json.dumps(line, ensure_ascii=False) + "\n"
    return Export({"templates.jsonl": text, "parameters.json": as_json(parameters(shipment))}, notes)


def literally(text: str, values: Mapping[str, str]) -> str:
    """`{{name}}` to the letter, one variable after the other."""
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _guarded(text: str, kept: Sequence[str]) -> str:
    """Protected texts between the service's marks, which it takes out before a model sees the text."""
    inside = bytearray(len(text))
    for one in kept:
        for found in re.finditer(re.escape(one), text):
            inside[found.start() : found.end()] = b"\1" * len(one)
    runs = (
        (frozen, "".join(char for _, char in run))
        for frozen, run in groupby(zip(inside, text, strict=True), key=itemgetter(0))
    )
    return "".join(f"<advpo:exclude>{run}</advpo:exclude>" if frozen else run for frozen, run in runs)


def _checked(shipment: Shipment, form: str, messages: Said) -> tuple[str, ...]:
    """The service refuses a text whose placeholders are not just the variables; text must not look like one."""
    declared = set(shipment.variables)
    for message in messages:
        if strange := set(re.findall(r"\{\{\s*([\w\-]+)\s*\}\}", message["content"])) - declared:
            found = f"{{{{{min(strange)}}}}}"
            raise ExportError(f"{form}: the text holds {found}, which the service takes for a variable; {_WHITHER}")
    render: Render = substituted(messages, literally)
    return faithful(shipment, form, render)


def _variables(shipment: Shipment, form: str) -> list[str]:
    identifiers(shipment, form, _NAME)
    if len(shipment.variables) > _MOST:
        raise ExportError(f"{form}: {len(shipment.variables)} variables, where {_MOST} are allowed; {_WHITHER}")
    return list(shipment.variables)


def _text(messages: Said, variables: list[str]) -> dict[str, Any]:
    return {"text": messages[0]["content"], "inputVariables": [{"name": name} for name in variables]}


def _chat(messages: Said, variables: list[str]) -> dict[str, Any]:
    system = [{"text": m["content"]} for m in messages if m["role"] == "system"]
    turns = [{"role": m["role"], "content": [{"text": m["content"]}]} for m in messages if m["role"] != "system"]
    chat: dict[str, Any] = {"messages": turns, "inputVariables": [{"name": name} for name in variables]}
    return {"system": system, **chat} if system else chat


def _tools(shipment: Shipment) -> dict[str, Any]:
    """As Bedrock's Converse has them. Not "none": there, tools are offered by being named."""
    tools = shipment.prompt.tools
    if not tools:
        return {}
    if tools.choice == "none":
        raise ExportError(f"bedrock: tool_choice 'none' has no counterpart there; {_WHITHER}")
    named = [
        {
            "name": name,
            **({"description": tool["description"]} if tool.get("description") else {}),
            "inputSchema": {"json": tool.get("parameters") or {"type": "object", "properties": {}}},
        }
        for name, tool in tools.functions.items()
    ]
    known: dict[str, Any] = {"auto": {"auto": {}}, "required": {"any": {}}}
    choice = known.get(tools.choice, {"tool": {"name": tools.choice}}) if tools.choice else {}
    whole = {"tools": [{"toolSpec": one} for one in named]}
    return {"toolConfiguration": whole | ({"toolChoice": choice} if choice else {})}


def _inference(shipment: Shipment) -> tuple[dict[str, Any], dict[str, Any]]:
    """The service takes a temperature up to 1 only; what it has no name for goes to the model as it is."""
    known, others = renamed(shipment.prompt.params, BEDROCK)
    if isinstance(warm := known.get("temperature"), int | float) and warm > 1:
        others["temperature"] = known.pop("temperature")
    return known, others


def _model_id(model: str) -> dict[str, str]:
    provider, name = provider_of(model)
    name = name.removeprefix("converse/")
    return {"modelId": name} if provider == "bedrock" and _MODEL.fullmatch(name) else {}


def _samples(shipment: Shipment, variables: list[str]) -> list[dict[str, Any]]:
    migration = shipment.migration
    if migration is None:
        return []
    replies = {output.example_id: output.text for output in migration.baseline if output.status == "ok"}
    samples = []
    for identity in migration.split["train"][:_SAMPLES]:
        example = migration.examples[identity]
        gold = example.expected
        right = replies.get(identity) if gold is None else fill([{"var": "gold"}], {"gold": gold})
        if right:
            given = shipment.texts(example.inputs)
            samples.append({"inputVariables": [{name: given[name]} for name in variables], "referenceResponse": right})
    return samples
