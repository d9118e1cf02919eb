"""Bedrock's prompt management: what CreatePrompt takes and GetPrompt gives, with TEXT and CHAT variants."""

from __future__ import annotations

from optimizer.importers.parsing import dialects, knobs, toolbox
from optimizer.importers.parsing.chat import Losses, arranged
from optimizer.importers.parsing.companion import completed
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.parsing.picking import chosen
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.layout import Turn
from optimizer.prompt.template import Template
from optimizer.types import Role

_CARRIED = ("name", "description", "defaultVariant", "variants", "ResponseMetadata", "clientToken")
_OF_A_VARIANT = ("name", "templateType", "templateConfiguration", "modelId", "inferenceConfiguration")


def looks(source: Source) -> bool:
    found = source.json if source.ending in (".json", "") else None
    variants = found.get("variants") if isinstance(found, dict) else None
    return isinstance(variants, list) and any(isinstance(v, dict) and "templateConfiguration" in v for v in variants)


def read(source: Source, wish: Wish) -> Draft:
    node, lost = Node(source.json, source.name), Losses()
    variants = [(item["name"].text(), item) for item in node["variants"].items()]
    if not variants:
        raise node["variants"].fault("is empty; a prompt needs one variant")
    default = node["defaultVariant"].maybe()
    _, variant = chosen(variants, wish if wish.prompt or default is None else Wish(default), lost, source.name)
    for key in node.mapping():
        if key not in _CARRIED:
            lost.add(f"{key}: a task has no place for it")
    for key in variant.mapping():
        if key not in _OF_A_VARIANT:
            lost.add(f"{variant[key].path}: a task has no place for it")
    name = variant["modelId"].maybe()
    settings = variant["inferenceConfiguration"]["text"]
    tools = variant["templateConfiguration"]["chat"]["toolConfiguration"]
    draft = Draft(
        format=FORMAT.name,
        name=node["name"].maybe() or source.path.stem,
        turns=_turns(variant, lost),
        model=knobs.model(name, "bedrock") if name else None,
        params=knobs.params(settings, lost),
        tools=toolbox.bedrock(tools, lost),
        tool_choice=_choice(tools["toolChoice"]),
        lost=lost.all,
    )
    return completed(draft, source)


def _choice(node: Node) -> str | None:
    if not node.value:
        return None
    if node.has("tool"):
        return node["tool"]["name"].text()
    return "required" if "any" in node.mapping() else "auto"


def _turns(variant: Node, lost: Losses) -> tuple[Turn, ...]:
    kind, given = variant["templateType"].text(), variant["templateConfiguration"]
    said: list[tuple[Role, Template]] = []
    if kind == "TEXT":
        inner = given["text"]
        said.append(("user", _declared(inner["text"], inner)))
    elif kind == "CHAT":
        inner = given["chat"]
        system = [_declared(part["text"], inner) for part in inner["system"].items() if _is_text(part, lost)]
        if system:
            said.append(("system", Template(tuple(s for part in system for s in part.segments))))
        for message in inner["messages"].items():
            role: Role = message["role"].one_of({"user": "user", "assistant": "assistant"})
            parts = [_declared(part["text"], inner) for part in message["content"].items() if _is_text(part, lost)]
            said.append((role, Template(tuple(s for part in parts for s in part.segments))))
    else:
        raise variant["templateType"].fault(f"{kind!r} is no type of template; known: TEXT, CHAT")
    if not said:
        raise given.fault("holds no message; a prompt needs one")
    return arranged(said, variant.place)


def _is_text(part: Node, lost: Losses) -> bool:
    if part.has("text"):
        return True
    lost.add(f"{part.path}: a part of the kind {', '.join(part.mapping()) or 'nothing'!r}")
    return False


def _declared(text: Node, config: Node) -> Template:
    """Variables are those that the file declares, where it declares any."""
    template = dialects.bedrock(text.text(), text.place)
    declared = {item["name"].text() for item in config["inputVariables"].items()}
    if declared and (stray := sorted(template.names - declared)):
        raise ImportFault(
            f"{text.place}: {{{{{stray[0]}}}}} is not in inputVariables ({', '.join(sorted(declared))}); "
            "declare it, or correct its name"
        )
    return template


FORMAT = Format("bedrock", "Bedrock prompt management, TEXT and CHAT", looks, read)
