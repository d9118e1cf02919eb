"""Files that begin with YAML between two lines `---`, and hold a template below."""

from __future__ import annotations

import re
from typing import NamedTuple

from optimizer.importers.parsing.files import Source, yaml_of
from optimizer.importers.parsing.node import Node
from optimizer.importers.values import ImportFault

_FENCED = re.compile(
    r"\A(?P<above>(?:[ \t]*(?:#[^\n]*)?\n)*)---[ \t]*\n(?P<head>.*?)(?<=\n)---[ \t]*(?:\n|\Z)", re.DOTALL
)


class Parts(NamedTuple):
    head: Node
    body: str
    line: int  # of the body's first line


def split(source: Source) -> Parts:
    """Raises ImportFault where a fence is open, DataError where the YAML is none."""
    match = _FENCED.match(source.text)
    if match is None:
        if re.match(r"\s*---[ \t]*\n", source.text):
            raise ImportFault(
                f"{source.name}:1: the front matter opens with --- and never closes; end it with a line ---"
            )
        return Parts(Node({}, source.name), source.text, 1)
    lines = match["above"].count("\n") + 1
    head = match["head"]
    document = yaml_of(source.name, "\n" * lines + head) if _says_anything(head) else None
    return Parts(
        Node(document.data if document else {}, source.name),
        source.text[match.end() :],
        source.text.count("\n", 0, match.end()) + 1,
    )


def _says_anything(head: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in head.split("\n"))
