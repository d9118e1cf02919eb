"""Google's dotprompt: `.prompt` with Handlebars, {{role "..."}} markers and picoschema.

LiteLLM's files have the same ending and another meaning; what is the one and what the other is told by what only one of
them has, and where nothing tells, the user is asked.
"""

from __future__ import annotations

import re

from optimizer.importers.parsing import blocks, dialects, frontmatter, knobs, schemas
from optimizer.importers.parsing.chat import ROLES, Losses, arranged
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.template import Template
from optimizer.types import Role

_MARKER = re.compile(r"\{\{~?\s*role\s+(?:\"(\w+)\"|'(\w+)')\s*~?\}\}")
_OTHER_MARKERS = re.compile(r"\{\{~?\s*(history|media|section)\b[^}]*\}\}")
_CARRIED = ("model", "config", "input", "output", "name", "description", "variant", "version", "tools")
_ONLY_HERE = re.compile(r"\{\{~?\s*(?:role|media|section)\s|\{\{~?\s*history\s*\}\}|\{\{[#/>!{]")
_ONLY_THERE = re.compile(r"^\s*(?:System|User|Assistant):|\{%|\{\{[^}]*\|", re.MULTILINE)


def dialect(source: Source) -> set[str]:
    """Which of the two dialects the file shows signs of."""
    head, body, _ = frontmatter.split(source)
    if _ONLY_HERE.search(body):  # to Jinja a syntax error
        return {"dotprompt"}
    signs = set()
    model = head.value.get("model")
    providers = ("googleai/", "vertexai/", "vertex_ai_model/")
    if _ONLY_HERE.search(body) or head.has("config") or (isinstance(model, str) and model.startswith(providers)):
        signs.add("dotprompt")
    if _ONLY_THERE.search(body) or head.has("temperature") or head.has("max_tokens") or head.has("top_p"):
        signs.add("litellm-prompt")
    return signs


def looks(source: Source) -> bool:
    return source.ending == ".prompt" and dialect(source) in ({"dotprompt"}, set(), {"dotprompt", "litellm-prompt"})


def read(source: Source, _wish: Wish) -> Draft:
    head, body, _ = frontmatter.split(source)
    lost = Losses()
    said = [(role, _template(text, f"{source.name}, the {role}'s message")) for role, text in _messages(body, source)]
    if blocks.has_blocks(body):
        lost.add(
            "the blocks run in Jinja here: they are the same for texts, but true, lists and objects print otherwise"
        )
    for key in head.value:
        if key not in _CARRIED:
            lost.add(f"{key}: a task has no place for it")
    for tool in head["tools"].items():
        lost.add(f"{tool.path}: a tool; define it where the prompt is called")
    name = head["model"].maybe()
    return Draft(
        format=FORMAT.name,
        name=head["name"].maybe() or source.path.name.partition(".")[0],
        turns=arranged(said, source.name),
        model=knobs.model(name) if name else None,
        params=knobs.params(head["config"], lost, known=("version",)),
        reply=_reply(head["output"], lost),
        defaults={key: value.value for key, value in head["input"]["default"].pairs()},
        lost=lost.all,
    )


def _messages(body: str, source: Source) -> list[tuple[Role, str]]:
    """Role and text, as dotprompt cuts them: the white space behind a marker belongs to the message."""
    if other := _OTHER_MARKERS.search(body):
        raise ImportFault(
            f"{source.name}: {other[0]!r} puts {other[1]} into the prompt, which no task holds; use a variable"
        )
    found: list[tuple[Role, str]] = []
    role: Role = "user"
    at = 0
    body = body.strip()
    for match in [*_MARKER.finditer(body), None]:
        text = body[at : match.start() if match else len(body)]
        if _says(text):
            found.append((role, text))
        if match:
            named = match[1] or match[2]
            if named not in ROLES:
                raise ImportFault(f"{source.name}: the role {named!r}; a task's prompt has system, user and model")
            role, at = ROLES[named], match.end()
    if not found:
        raise ImportFault(f"{source.name}: has no text below its front matter; a prompt needs some")
    return found


def _template(text: str, where: str) -> Template:
    return blocks.handlebars(text, where) if blocks.has_blocks(text) else dialects.handlebars(text, where)


def _says(text: str) -> bool:
    return bool(re.sub(r"\{\{!--.*?--\}\}|\{\{![^}]*\}\}", "", text, flags=re.DOTALL).strip())


def _reply(node: Node, lost: Losses) -> dict[str, object]:
    if not node:
        return {}
    kind = node["format"].maybe()
    if node["schema"]:
        schema = schemas.picoschema(node["schema"], lost)
        return {"kind": "json", "schema": schema} if schema else {"kind": "json"}
    if kind not in (None, "json", "text"):
        lost.add(f"{node['format'].path}: the form of reply {kind!r}")
    return {"kind": "json"} if kind == "json" else {}


FORMAT = Format("dotprompt", 'Google\'s dotprompt: Handlebars with {{role "system"}}, picoschema', looks, read)
