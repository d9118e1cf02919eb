"""`.prompty`: front matter with model, options and inputs, and a template with role lines (versions 1 and 2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optimizer.importers.parsing import dialects, frontmatter, knobs, schemas, toolbox
from optimizer.importers.parsing.chat import ROLES, Losses, arranged
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.types import JSON, Role

_ROLE = re.compile(
    r"^[ \t]*#?[ \t]*(?P<role>system|user|assistant|developer|tool|function)[ \t]*(?:\[[^\]\n]*\])?[ \t]*:[ \t]*$",
    re.IGNORECASE,
)
_CARRIED = ("name", "description", "model", "inputs", "sample", "template", "outputs", "tools")


def looks(source: Source) -> bool:
    return source.ending == ".prompty"


def read(source: Source, _wish: Wish) -> Draft:
    head, body, line = frontmatter.split(source)
    lost = Losses()
    model, params = _model(head["model"], lost)
    syntax = _syntax(head["template"], lost)
    said = [
        (role, syntax(text, f"{source.name}, line {line + at}"))
        for role, text, at in _sections(body, source.name, line)
    ]
    _refuse_rich(head["inputs"], {name for _, template in said for name in template.names}, lost)
    for key in head.value:
        if key not in _CARRIED:
            lost.add(f"{key}: a task has no place for it")
    tools = [found for tool in _listed(head["tools"]) if (found := toolbox.prompty(tool, lost))]
    return Draft(
        format=FORMAT.name,
        name=head["name"].maybe() or "",
        turns=arranged(said, source.name),
        model=model,
        params=params,
        reply=_reply(head["outputs"], lost),
        tools=toolbox.checked(tools, head["tools"]),
        defaults=dict(_defaults(head)),
        lost=lost.all,
    )


def _sections(body: str, file: str, first: int) -> Iterator[tuple[Role, str, int]]:
    """Role, text and line of each message: what stands behind a line with a role, without empty lines around it."""
    role, start, held = "system", 0, list[str]()
    opened = False
    for at, line in enumerate([*body.split("\n"), None]):
        match = _ROLE.match(line) if line is not None else None
        if line is not None and not match:
            held.append(line)
            continue
        text = "\n".join(held).strip("\n")
        if text.strip() or (opened and line is not None and held):
            yield _role(role, file, first + start), text, start
        if match:
            role, start, held, opened = match["role"].lower(), at, [], True


def _role(role: str, file: str, line: int) -> Role:
    if role not in ROLES:
        raise ImportFault(f"{file}:{line}: a turn of the role {role!r}; a task's prompt has system, user and assistant")
    return ROLES[role]


def _model(node: Node, lost: Losses) -> tuple[str | None, dict[str, JSON]]:
    if not node or isinstance(node.value, str):
        return (knobs.model(node.text()) if node else None), {}
    old = node["configuration"]
    name = node["id"].maybe() or old["model"].maybe() or old["name"].maybe() or old["azure_deployment"].maybe()
    provider = node["provider"].maybe() or old["type"].maybe()
    if provider in ("foundry", "azure_openai"):
        provider = "azure"
    for key in node.value:
        if key not in ("id", "provider", "apiType", "api", "options", "parameters", "configuration"):
            lost.add(f"{node[key].path}: say how the model is reached in the task's section `source`")
    if node["apiType"].value not in (None, "chat") or node["api"].value not in (None, "chat"):
        lost.add(f"{node.path}: another API than chat")
    options = node["options"] if node["options"] else node["parameters"]
    found = knobs.params(options, lost, known=("response_format", "additionalproperties"))
    for key, value in options["additionalProperties"].pairs():
        lost.add(f"{value.path}: the setting {key!r}")
    if name and "${" in name:
        lost.add(f"{node.path}: {name!r} is looked up where the prompt runs; name the model in `source`")
        name = None
    return (knobs.model(name, provider if provider else None) if name else None), found


def _syntax(node: Node, lost: Losses) -> dialects.Reader:
    kind = node.value if isinstance(node.value, str) else None
    if kind is None and node:
        inner = node["format"]
        kind = inner.value if isinstance(inner.value, str) else inner["kind"].maybe()
    engine = Node(kind or "jinja2", node.file, "template.format.kind").one_of(
        {"jinja2": dialects.jinja2, "mustache": dialects.mustache, "nunjucks": dialects.nunjucks}
    )
    if kind == "mustache":
        lost.add("template: mustache writes & < > and quotes of values as HTML; here values stay as they are")
    return engine  # type: ignore[no-any-return]


def _listed(node: Node) -> Iterator[Node]:
    """The items of a list, or the values of a mapping: both are in use."""
    if isinstance(node.value, dict):
        yield from (value for _, value in node.pairs())
    else:
        yield from node.items()


def _refuse_rich(node: Node, used: set[str], lost: Losses) -> None:
    """Inputs that are no texts put messages, pictures or sounds into the prompt: as texts they are another one."""
    if isinstance(node.value, str):
        lost.add(f"{node.path}: {node.value[:60]!r} is not looked up; the prompt's own variables count")
        return
    for name, item in node.pairs() if isinstance(node.value, dict) else ((i["name"].text(), i) for i in node.items()):
        kind = item["kind"].maybe() if isinstance(item.value, dict) else None
        if kind in ("thread", "image", "audio", "file"):
            if name in used:
                raise item.fault(f"is of the kind {kind!r}, which no text prompt can hold; take {name!r} out")
            lost.add(f"{item.path}: an input of the kind {kind!r}")


def _defaults(head: Node) -> Iterator[tuple[str, JSON]]:
    """A value for each input that has one: good for an example."""
    for node in (head["inputs"], head["sample"]):
        if isinstance(node.value, list):
            for item in node.items():
                if item.has("name", "default"):
                    yield item["name"].text(), item["default"].value
        elif not isinstance(node.value, str):
            for key, value in node.pairs():
                given = (
                    value["default"].value if isinstance(value.value, dict) and node.path == "inputs" else value.value
                )
                if given not in (None, "") and (node.path == "sample" or isinstance(value.value, dict)):
                    yield key, given


def _reply(node: Node, lost: Losses) -> dict[str, object]:
    """`outputs` name the fields of a JSON reply."""
    fields: dict[str, object] = {}
    for key, value in node.pairs() if isinstance(node.value, dict) else ((i["name"].text(), i) for i in node.items()):
        kind = value["kind"].maybe() if isinstance(value.value, dict) else value.maybe()
        kinds = {"string": "string", "integer": "integer", "float": "number", "number": "number", "boolean": "boolean"}
        kinds |= {"array": "array", "object": "object"}
        if kind not in kinds:
            lost.add(f"{value.path}: a field of the reply of the kind {kind!r}")
            continue
        words = value["description"].maybe() if isinstance(value.value, dict) else None
        fields[key] = {"type": kinds[kind]} | ({"description": words} if words else {})
    if not fields:
        return {}
    schema = Node({"type": "object", "properties": fields, "required": list(fields)}, node.file, node.path)
    return schemas.json_reply(schema, lost)


FORMAT = Format("prompty", "Prompty's file: front matter, and a Jinja template with role lines", looks, read)
