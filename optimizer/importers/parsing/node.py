"""A value of an imported file with its place: asked for what it must be, it gives that, or an error that says where.

Node(data, "prompt.json")["model"]["options"]["temperature"].number()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optimizer.config.complaints import shown
from optimizer.errors import DataError, nearest
from optimizer.importers.parsing.files import parse_json
from optimizer.importers.values import ImportFault


class Node:
    """`value` is None for what is missing; `path` names the keys that lead to it."""

    def __init__(self, value: Any, file: str, path: str = "") -> None:
        self.value = value
        self.file = file
        self.path = path

    @property
    def place(self) -> str:
        return f"{self.file}: {self.path}" if self.path else self.file

    def __bool__(self) -> bool:
        return self.value is not None

    def fault(self, text: str) -> ImportFault:
        return ImportFault(f"{self.place}: {text}")

    def wrong(self, wanted: str) -> ImportFault:
        return self.fault(f"must be {wanted}, found {shown(self.value)}; correct it, or export the file anew")

    def __getitem__(self, key: str) -> Node:
        """What stands under a key; of a missing mapping or key, a missing value."""
        if self.value is None:
            return Node(None, self.file, self._below(key))
        return Node(self.mapping().get(key), self.file, self._below(key))

    def mapping(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("a mapping of keys to values")
        return self.value

    def has(self, *keys: str) -> bool:
        return isinstance(self.value, dict) and all(self.value.get(key) is not None for key in keys)

    def pairs(self) -> Iterator[tuple[str, Node]]:
        """The keys and values of a mapping; none where it is missing."""
        for key in self.mapping() if self else ():
            yield key, self[key]

    def items(self) -> Iterator[Node]:
        """The items of a list; none where it is missing."""
        if self.value is not None and not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, item in enumerate(self.value or ()):
            yield Node(item, self.file, f"{self.path}[{index}]")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def word(self) -> str:
        """A text that is not empty."""
        if not self.text().strip():
            raise self.wrong("a text that is not empty")
        return self.text()

    def maybe(self) -> str | None:
        """A text, or nothing."""
        return self.text() if self else None

    def number(self) -> float | None:
        """A number of 0 or more, or nothing."""
        if self.value is None:
            return None
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not 0 <= self.value < 1e15:
            raise self.wrong("a number, 0 or more")
        return float(self.value)

    def whole(self) -> int | None:
        """A whole number of 0 or more, or nothing."""
        found = self.number()
        if found is not None and found != int(found):
            raise self.wrong("a whole number, 0 or more")
        return None if found is None else int(found)

    def one_of(self, known: dict[str, Any]) -> Any:
        """What a text stands for."""
        if self.text() not in known:
            raise self.fault(
                f"{shown(self.value)} is not known here.{nearest(self.text(), known)} Known: {', '.join(known)}"
            )
        return known[self.text()]

    def loose(self) -> Node:
        """The value of a text that holds JSON, as logs like to keep it; else itself."""
        if not isinstance(self.value, str) or self.value.lstrip()[:1] not in ("{", "["):
            return self
        try:
            return Node(parse_json(self.value, self.place), self.file, self.path)
        except DataError:
            return self

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
