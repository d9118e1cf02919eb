"""promptport's own bundle: the prompt of one migration as the source of the next. The folder, or its bundle.json."""

from __future__ import annotations

from typing import Any

from optimizer.importers.parsing.chat import ROLES, Losses, arranged
from optimizer.importers.parsing.files import Source
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import Draft, Format, ImportFault, Wish
from optimizer.prompt.template import Template, Var
from optimizer.types import Role

_FILE = "bundle.json"


def looks(source: Source) -> bool:
    return (source.path / _FILE).is_file()


def read(source: Source, _wish: Wish) -> Draft:
    found = source.beside(_FILE, "the bundle")
    node, lost = Node(found.json, found.name), Losses()
    if not (node["format"].maybe() or "").startswith("promptport-bundle/"):
        raise node["format"].fault("is no bundle of one prompt; a program of several is imported as its program.json")
    said: list[tuple[Role, Template]] = [
        (message["role"].one_of(ROLES), _template(message["content"])) for message in node["messages"].items()
    ]
    if node["examples"]:
        raise node["examples"].fault("picks worked examples for each request, which a prompt's text does not hold")
    lost.add("the evidence: it belongs to the migration that the bundle comes from")
    return Draft(
        format=FORMAT.name,
        name=node["name"].text(),
        turns=arranged(said, found.name),
        model=node["model"].text(),
        params=node["parameters"].mapping(),
        reply=_reply(node["reply"]),
        lost=lost.all,
        protected=_protected(node["source"]["prompt"]["protected"]),
    )


def _protected(node: Node) -> tuple[str, ...]:
    """The texts that no variant may change: those of the source's prompt."""
    return tuple(item.text() for item in node.items()) if node else ()


def _template(content: Node) -> Template:
    segments: list[str | Var] = []
    for part in content.items():
        segments.append(part.value if isinstance(part.value, str) else Var(part["var"].text()))
    return Template(tuple(segments))


def _reply(node: Node) -> dict[str, Any]:
    kind = node["kind"].text()
    if kind == "tools":
        raise node["kind"].fault("is answered by calls of tools; import the task that the bundle comes from")
    if node["marker"]:
        raise ImportFault(
            f"{node['marker'].place}: the answer stands behind {node['marker'].value!r}; a task reads the whole reply: "
            "import the task that the bundle comes from"
        )
    keys = {"labels": "labels", "json": "schema", "regex": "pattern"}
    if kind != "text" and kind not in keys:
        raise node["kind"].wrong("text, labels, json or regex")
    key = keys.get(kind, "")
    return {"kind": kind, **({key: node[key].value} if key and node[key].value else {})}


FORMAT = Format("bundle", "a bundle of promptport itself", looks, read, folder=True)
