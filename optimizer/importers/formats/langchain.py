"""LangChain's prompts as JSON: what `save` wrote (text only), and `dumpd` of PromptTemplate and ChatPromptTemplate.

Nothing is constructed from the class names in the file: they are only compared with those that are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from optimizer.importers.parsing import dialects
from optimizer.importers.parsing.chat import Losses, arranged, placed
from optimizer.importers.parsing.companion import completed
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.layout import Speaker
from optimizer.prompt.template import Template, Var
from optimizer.types import Role

_SPEAKERS: dict[str, Role] = {
    "SystemMessagePromptTemplate": "system",
    "HumanMessagePromptTemplate": "user",
    "AIMessagePromptTemplate": "assistant",
    "SystemMessage": "system",
    "HumanMessage": "user",
    "AIMessage": "assistant",
}


def looks(source: Source) -> bool:
    if source.ending in (".prompt", ".prompty", ".jsonl", ".yaml", ".yml", ".csv"):
        return False
    found = source.json
    if not isinstance(found, dict):
        return False
    return found.get("_type") in ("prompt", "chat", "few_shot") or (
        found.get("lc") == 1 and isinstance(found.get("id"), list) and "prompts" in found["id"]
    )


def read(source: Source, _wish: Wish) -> Draft:
    node, lost = Node(source.json, source.name), Losses()
    if node.has("_type"):
        if node["_type"].text() != "prompt":
            raise node["_type"].fault(
                f"{node['_type'].value!r} cannot be read; save the prompt with dumpd, its examples rendered into it"
            )
        said: list[tuple[Speaker, Template]] = [("user", _template(node, lost))]
        for key in ("output_parser", "partial_variables", "validate_template", "metadata", "tags"):
            if node.value.get(key) and key != "partial_variables":
                lost.add(f"{key}: a task has no place for it")
    else:
        said = _constructed(node, lost)
    draft = Draft(format=FORMAT.name, name=source.path.stem, turns=arranged(said, source.name), lost=lost.all)
    return completed(draft, source)


def _constructed(node: Node, lost: Losses) -> list[tuple[Speaker, Template]]:
    kind, kwargs = _kind(node), node["kwargs"]
    if kind == "PromptTemplate":
        return [("user", _template(kwargs, lost))]
    if kind != "ChatPromptTemplate":
        raise node.fault(f"the class {kind!r} is no prompt that can be read; known: PromptTemplate, ChatPromptTemplate")
    partial = _partial(kwargs)
    found = placed([_message(item, partial, lost) for item in kwargs["messages"].items()], lost)
    if not found:
        raise kwargs["messages"].fault("holds no message; a prompt needs one")
    return found


def _kind(node: Node) -> str:
    parts = [part.text() for part in node["id"].items()]
    if node["lc"].value != 1 or node["type"].value != "constructor" or not parts:
        raise node.fault(
            "is no object that dumpd writes ({'lc': 1, 'type': 'constructor', 'id': [...]}); write it anew"
        )
    return parts[-1]


def _message(node: Node, partial: dict[str, str], lost: Losses) -> tuple[Speaker, Template]:
    kind, kwargs = _kind(node), node["kwargs"]
    if kind == "MessagesPlaceholder":
        if kwargs.has("n_messages"):
            lost.add(f"{kwargs['n_messages'].path}: only that many of the earlier messages; shorten them in the data")
        return "placeholder", Template((Var(kwargs["variable_name"].text()),))
    if kind == "ChatMessagePromptTemplate" or kind not in _SPEAKERS:
        raise node.fault(f"the class {kind!r} is no message that a task can hold; known: {', '.join(_SPEAKERS)}")
    if kind.endswith("Message"):  # finished text: braces in it are text
        return _SPEAKERS[kind], Template((kwargs["content"].text(),))
    prompt = kwargs["prompt"]
    parts = list(prompt.items()) if isinstance(prompt.value, list) else [prompt]
    written = Template()
    for part in parts:
        if _kind(part) != "PromptTemplate":
            lost.add(f"{part.path}: a part of the class {_kind(part)}")
            continue
        written = written + _template(part["kwargs"], lost, partial)
    return _SPEAKERS[kind], written


def _template(node: Node, lost: Losses, partial: dict[str, str] | None = None) -> Template:
    engines: dict[str, Callable[[str, str], Template]] = {
        "f-string": dialects.f_string,
        "mustache": dialects.mustache,
        "jinja2": _jinja2,
    }
    name = node["template_format"] if node["template_format"] else Node("f-string", node.file)
    text = node["template"]
    if name.value == "mustache" and re.search(r"(?<!\{)\{\{(?![{&!])", text.text()):
        lost.add("template: mustache writes & < > and quotes of {{values}} as HTML; here values stay as they are")
    found: Template = name.one_of(engines)(text.text(), text.place)
    return _filled(found, {**(partial or {}), **_partial(node)})


def _jinja2(text: str, where: str) -> Template:
    """Jinja2 drops one line break at the end."""
    return dialects.jinja2(text.removesuffix("\n"), where)


def _partial(node: Node) -> dict[str, str]:
    """Variables that were given their values already; an optional place for messages has none of them."""
    return {key: value.text() for key, value in node["partial_variables"].pairs() if value.value != []}


def _filled(template: Template, values: dict[str, str]) -> Template:
    if not values:
        return template
    if template.names & values.keys() and not all(isinstance(s, str | Var) for s in template.segments):
        raise ImportFault("partial_variables: cannot be put into a template with control flow; render them first")
    segments: list[Any] = [values.get(s.name, s) if isinstance(s, Var) else s for s in template.segments]
    return Template(tuple(segments))


FORMAT = Format("langchain", "LangChain's PromptTemplate and ChatPromptTemplate (save, dumpd)", looks, read)
