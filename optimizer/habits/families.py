"""The families, read from their data files; and which one a model's name tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from optimizer.errors import ConfigError, nearest
from optimizer.prompt.layout import Layout

Wish = str | int | float | bool | None
GENERIC = "generic"


@dataclass(frozen=True)
class Statement:
    """One piece of advice. `about`: place, structure, examples, reply, reasoning, wording or parameters.

    `source` names the document; `url` is the page that says it.
    """

    about: str
    text: str
    source: str
    url: str


@dataclass(frozen=True)
class Habits:
    family: str
    title: str
    statements: tuple[Statement, ...] = ()
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    drop_params: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """For the proposer: what to mind when writing instructions for this family."""
        told = [f"- {said.text}" for said in self.statements if said.about != "parameters"]
        return "\n".join([f"The instructions are for {self.title}.", *told])

    @property
    def layout(self) -> Layout:
        """The family's preferred form."""
        named = {
            "demos" if name == "demo_form" else name: value for name, value in self.wishes.items() if name != "demos"
        }
        return Layout(**named)  # type: ignore[arg-type]


def habits_of(model: str, family: str | None = None) -> Habits:
    """The habits of `family`, or of the family that the model's name tells; those that hold for any model, else."""
    if family is not None and family not in _families():
        known = ", ".join(sorted(_families()))
        raise ConfigError(f"family: no habits are known for {family!r}.{nearest(family, _families())} Known: {known}")
    name = model.lower().rpartition("/")[2]
    chosen = _families()[family_of(model, family)]
    return Habits(
        chosen["family"],
        chosen["title"],
        tuple(Statement(**said) for said in chosen["statements"]),
        chosen.get("wishes", {}),
        tuple(
            sorted(
                {
                    param
                    for rule in chosen.get("drop", [])
                    if re.search(rule["models"], name)
                    for param in rule["params"]
                }
            )
        ),
    )


def family_of(model: str, family: str | None = None) -> str:
    """`family`, or the one that the model's name tells; GENERIC where it tells none."""
    return family or _family_in(model.lower().rpartition("/")[2])


def _family_in(name: str) -> str:
    """Where a name tells of two families (a distilled model), the first counts."""
    found = [
        (match.start(), family) for family, data in _families().items() if (match := re.search(data["names"], name))
    ]
    return min(found)[1] if found else GENERIC


@cache
def _families() -> Mapping[str, Mapping[str, Any]]:
    return {data["family"]: data for data in _read()}


def _read() -> Iterator[Mapping[str, Any]]:
    import yaml

    for path in sorted(files(__package__).iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml"):
            yield yaml.safe_load(path.read_text("utf-8"))
