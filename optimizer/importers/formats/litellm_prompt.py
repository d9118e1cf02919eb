"""LiteLLM's `.prompt`: Jinja2 with lines that begin with System:, User: or Assistant:, and flat front matter.

The proxy strips every line, and looks for roles only after it has filled in the variables. The lines are stripped here
as well, so that the prompt is the one in use; that a value may open a turn there is a fault that no task takes over.
"""

from __future__ import annotations

import re

from optimizer.importers.formats.dotprompt import dialect
from optimizer.importers.parsing import dialects, frontmatter, knobs, schemas, toolbox
from optimizer.importers.parsing.chat import Losses, arranged, turns
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.template import Logic
from optimizer.types import Role

_OPENS: dict[str, Role] = {"System:": "system", "User:": "user", "Assistant:": "assistant"}
_CARRIED = ("model", "input", "output", "name", "description", "prompt_id", "prompt_integration")


def looks(source: Source) -> bool:
    if source.ending in (".json", ""):
        return isinstance(source.json, dict) and "prompt_template" in source.json and "prompt_id" in source.json
    return source.ending == ".prompt" and dialect(source) in (
        {"litellm-prompt"},
        set(),
        {"dotprompt", "litellm-prompt"},
    )


def read(source: Source, _wish: Wish) -> Draft:
    return _generic(source) if source.ending in (".json", "") else _file(source)


def _generic(source: Source) -> Draft:
    """What the generic prompt API answers. The proxy puts values in place of {name}, and changes no other brace."""
    node, lost = Node(source.json, source.name), Losses()
    settings = node["prompt_template_optional_params"]
    known = ("response_format", "tools", "tool_choice")
    name = node["prompt_template_model"].maybe()
    return Draft(
        format=FORMAT.name,
        name=node["prompt_id"].text(),
        turns=turns(node["prompt_template"], dialects.braced, lost),
        model=knobs.model(name) if name else None,
        params=knobs.params(settings, lost, known=known),
        reply=schemas.response_format(settings["response_format"], lost),
        tools=toolbox.openai(settings["tools"], lost),
        tool_choice=toolbox.choice(settings["tool_choice"], lost),
        todos=("every {name} in the text was taken for a variable, for the file does not say which are: see to it",),
        lost=lost.all,
    )


def _file(source: Source) -> Draft:
    head, body, _ = frontmatter.split(source)
    lost = Losses()
    said = []
    for role, text in _messages(body, source):
        template = dialects.jinja2(text, f"{source.name}, the {role}'s message")
        if any(isinstance(segment, Logic) and re.search(r"\{%.*\n", segment.text) for segment in template.segments):
            lost.add(f"the {role}'s message: LiteLLM strips white space after its control flow has run; here it stays")
        said.append((role, template))
    name = head["model"].maybe()
    output = head["output"]
    reply = {}
    if output["schema"]:
        reply = {"kind": "json", "schema": schemas.picoschema(output["schema"], lost)}
    elif output["format"].maybe() == "json":
        reply = {"kind": "json"}
    if any("\n" in text for _, text in _messages(body, source)):
        lost.add("indentation and white space at the ends of lines, as LiteLLM strips them")
    return Draft(
        format=FORMAT.name,
        name=source.path.stem,
        turns=arranged(said, source.name),
        model=knobs.model(name) if name else None,
        params=knobs.params(head, lost, known=_CARRIED),
        reply=reply,
        lost=lost.all,
    )


def _messages(body: str, source: Source) -> list[tuple[Role, str]]:
    found: list[tuple[Role, list[str]]] = []
    for line in (line.strip() for line in body.strip().split("\n")):
        opening = next((sign for sign in _OPENS if line.startswith(sign)), None)
        if opening:
            found.append((_OPENS[opening], [line.removeprefix(opening).strip()]))
        elif found:
            found[-1][1].append(line)
        else:
            found.append(("user", [line]))
    said = [(role, "\n".join(lines).strip()) for role, lines in found]
    said = [(role, text) for role, text in said if text]
    if not said:
        raise ImportFault(f"{source.name}: has no text below its front matter; a prompt needs some")
    return said


FORMAT = Format("litellm-prompt", "LiteLLM's .prompt: Jinja2 with lines System: and User:", looks, read)
