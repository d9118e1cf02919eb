"""Search spaces by name, by `module:ATTRIBUTE`, or from a YAML file beside the task file.

    from: standard                     # where dimensions that go by name come from; thorough, where this is left out
    dimensions:
      wording:                         # a known dimension as it is
      demos: [3, 6]                    # ... or with values of your own choice
      tone:                            # one of your own: sentences by name
        brief: Answer in one short sentence.
        firm: {replace: "Please be kind.", by: "Stay factual."}
      program: [gepa]
      gepa.minibatch: [2, 5]           # a knob of a program, by its full name

The choice that changes nothing always comes first and need not be written down; in a dimension of one's own it is
called as_is. A sentence is put behind the instructions, whoever wrote them; `replace` works on those that hold it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optimizer.config.yamlfile import TASK, Document, read_yaml
from optimizer.errors import ConfigError, PluginError, nearest
from optimizer.plugins import resolve
from optimizer.programs.dspy.recipes import OPTIMIZERS, check
from optimizer.prompt.template import Template, join
from optimizer.space.changes import in_knobs
from optimizer.space.dimension import Choice, Dimension
from optimizer.space.search_space import SearchSpace
from optimizer.space.variant import Value, Variant

_BASE = "thorough"
_HELP = "search_spaces/README.md"
_FILE = replace(
    TASK,
    folder="name the space's file in it",
    missing=f"it is looked for beside the task file; {_HELP} shows how one is written",
    large="a space has a few dimensions",
)
_FORM = "a sentence to append, or {replace: an old text, by: a new one}"


def find_space(name: str, folder: Path) -> SearchSpace:
    """The space that a task file in `folder` names. Raises ConfigError or PluginError."""
    if name.endswith((".yaml", ".yml")):
        return read_space(folder / name)
    found: Any = resolve("spaces", name, {})
    if not isinstance(found, SearchSpace):
        raise ConfigError(f"search.space: {name} is of type {type(found).__name__}; name a SearchSpace")
    return found


def read_space(path: Path) -> SearchSpace:
    """Raises ConfigError with all that is wrong in the file, line by line."""
    document = read_yaml(path, _FILE, "from: ..., dimensions: ...")
    base = _base(document)
    known = {dimension.name: dimension for dimension in base.dimensions}
    entries = document.data.get("dimensions")
    if not isinstance(entries, dict) or not entries:
        raise ConfigError(f"{document.at('dimensions')}: must be a mapping of dimensions to their values; see {_HELP}")
    dimensions: list[Dimension] = []
    problems: list[str] = []
    for name, given in entries.items():
        try:
            dimensions.append(_known(known[name], given) if name in known else _new(name, given, known))
        except ConfigError as error:
            problems.append(f"{document.at('dimensions', name)}: {error}")
    problems += [f"{document.at('dimensions', name)}: {problem}" for name, problem in _turning_nothing(dimensions)]
    if problems:
        raise ConfigError("\n  ".join(problems))
    return SearchSpace(tuple(dimensions))


def _base(document: Document) -> SearchSpace:
    for key in document.data:
        if key not in ("from", "dimensions"):
            hint = nearest(key, ("from", "dimensions"))
            raise ConfigError(f"{document.at(key)}: unknown key.{hint} A space has `dimensions`, and may have `from`")
    name = document.data.get("from") or _BASE
    if not isinstance(name, str) or name.endswith((".yaml", ".yml")):
        raise ConfigError(f"{document.at('from')}: must be a space's name or module:ATTRIBUTE, found {name!r}")
    try:
        return find_space(name, Path())
    except PluginError as error:
        raise PluginError(f"{document.at('from')}: {error}") from error


def _known(dimension: Dimension, given: Any) -> Dimension:
    """A dimension of the base as it is, or with other values."""
    if given is None:
        return dimension
    if isinstance(given, dict):
        raise ConfigError(f"is a known dimension: give a list of its values ({_words(dimension.choices)})")
    if given == []:
        raise ConfigError("has an empty list: name some of its values, or leave the list out for all of them")
    values = given if isinstance(given, list) else [given]
    others = dimension.choices[1:]
    if not others or not isinstance(dimension, Choice):
        raise ConfigError("has no values to choose from; leave them out")
    numbers = all(_is_number(value) for value in others)
    for value in values:
        if value not in dimension.choices and not (numbers and _is_number(value)):
            hint, known = _hint(value, others), _words(dimension.choices)
            raise ConfigError(f"has no value {value!r}.{hint} Known: {known}{', or another number' if numbers else ''}")
    return dimension.among(*values)


def _hint(value: Any, others: Sequence[Value]) -> str:
    if isinstance(value, str) and value in map(str, others):
        return " Write it without quotes."
    return nearest(str(value), map(str, others))


def _new(name: str, given: Any, known: Mapping[str, Dimension]) -> Choice:
    """What the base does not have: a knob of a program, by its full name, or a dimension of sentences."""
    program, _, option = name.partition(".")
    if program not in OPTIMIZERS or not option or isinstance(given, dict):
        return _own(name, given, known)
    values = [value for value in (given if isinstance(given, list) else [given]) if value is not None]
    for value in values:
        check(program, {option: value})
    if not values:
        raise ConfigError("is a knob: give a list of its values")
    return Choice(name, (None, *values), in_knobs(name), when=("program", program))


def _turning_nothing(dimensions: Sequence[Dimension]) -> Iterator[tuple[str, str]]:
    """Knobs of programs that the space does not have."""
    programs = next((d.choices for d in dimensions if d.name == "program"), ())
    for dimension in dimensions:
        program = dimension.name.partition(".")[0]
        if program in OPTIMIZERS and program not in programs:
            yield dimension.name, f"turns nothing, as `program` of this space does not have {program}; add it there"


def _own(name: str, given: Any, known: Mapping[str, Dimension]) -> Choice:
    """A dimension of sentences."""
    if not isinstance(given, dict) or not given:
        raise ConfigError(_unknown(name, known))
    if not name:
        raise ConfigError("a dimension of your own needs a name")
    edits: dict[Value, Edit] = {}
    for value, text in given.items():
        if not value:
            raise ConfigError(f"a sentence needs a name, found {text!r} without one")
        if value == "as_is":
            if text:
                raise ConfigError("as_is is the choice that changes nothing; give the sentence another name")
        else:
            edits[value] = _edit(value, text)
    if not edits:
        raise ConfigError(f"offers nothing but as_is; each value is a name with {_FORM}")
    return Choice(name, ("as_is", *edits), lambda variant, value: edits[value](variant), tells=True)


def _unknown(name: str, known: Mapping[str, Dimension]) -> str:
    """The knobs of programs are too many to be listed."""
    for other in (_BASE, "tools", "pipeline"):  # between them they have every ready-made dimension
        if name in find_space(other, Path()).names:
            return f"is a dimension of {other}, not of the space that `from` names; write `from: {other}`"
    return (
        f"no dimension is called {name!r}.{nearest(name, known)} One of your own is a mapping of names to sentences; "
        f"known are {', '.join(other for other in known if '.' not in other)}"
    )


@dataclass(frozen=True)
class Edit:
    """Puts `text` behind the instructions, or in the place of `old`."""

    text: str
    old: str = ""

    def __call__(self, variant: Variant) -> Variant:
        instructions = variant.prompt.instructions
        if self.old:
            edited = instructions.map_text(lambda literal: literal.replace(self.old, self.text))
        else:
            edited = join("\n\n", [instructions, Template((self.text,))])
        return replace(variant, prompt=replace(variant.prompt, instructions=edited))


def _edit(name: str, given: Any) -> Edit:
    if isinstance(given, str) and given.strip():
        return Edit(_plain(name, given))
    if isinstance(given, dict) and set(given) == {"replace", "by"}:
        old, new = given["replace"], given["by"]
        if isinstance(old, str) and old and isinstance(new or "", str):
            return Edit(_plain(name, new or ""), old)
    raise ConfigError(f"{name}: must be {_FORM}, found {given!r}")


def _plain(name: str, text: str) -> str:
    if re.search(r"\{\{\s*[A-Za-z_]", text):
        raise ConfigError(f"{name}: holds a {{{{variable}}}}; a sentence is plain text, variables stay in the prompt")
    return text.rstrip("\n")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(values: tuple[Value, ...]) -> str:
    return ", ".join("null" if value is None else str(value) for value in values)
