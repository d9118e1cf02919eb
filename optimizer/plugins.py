"""Find a plug-in by name. There is no registration: whatever can be imported can be used.

A name is looked for, in this order, as
  1. a `module:attribute` path         my_project.metrics:bleu
  2. a built-in                        exact_match
  3. an entry point of a distribution  [project.entry-points."promptport.metrics"]

Built-ins come before entry points, so that installing a distribution never changes what a task means.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar, cast

from optimizer.errors import PluginError, nearest, raised_at

T = TypeVar("T")


def resolve(kind: str, name: str, builtin: Mapping[str, T]) -> T:
    """The plug-in of `kind` ("metrics", "exporters", ...) that goes by `name`. Raises PluginError."""
    if ":" in name:
        return cast(T, _load(kind, name, name))
    if name in builtin:
        return builtin[name]
    found = _installed(kind)
    if name in found:
        return cast(T, _load(kind, name, found[name].value))
    known = known_names(kind, builtin)
    raise PluginError(
        f"no {kind} plug-in is called {name!r}.{nearest(name, known)} "
        f"Known: {', '.join(known) or 'none'}; one of your own goes by its path, as in my_project.{kind}:{_word(name)}"
    )


def known_names(kind: str, builtin: Mapping[str, T]) -> tuple[str, ...]:
    """All that `resolve` finds by a plain name, in order."""
    return tuple(sorted({*builtin, *_installed(kind)}))


def described(kind: str, builtin: Mapping[str, T]) -> Iterator[tuple[str, str]]:
    """The same, each with the first line of what it says of itself."""
    for name in known_names(kind, builtin):
        yield name, first_line(resolve(kind, name, builtin))


def first_line(thing: object) -> str:
    """Of its docstring."""
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _installed(kind: str) -> dict[str, EntryPoint]:
    """Raises PluginError where two distributions claim one name: neither may win by chance."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"promptport.{kind}"):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise PluginError(
                f"two installed distributions offer a {kind} plug-in called {point.name!r}: "
                f"{other.value} and {point.value}; name the one you mean by its path"
            )
    return found


def _load(kind: str, name: str, path: str) -> object:
    shown = f"the {kind} plug-in {name!r}" + (f" ({path})" if path != name else "")
    module, _, attributes = path.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *attributes.split(".")]):
        raise PluginError(f"cannot load {shown}: a path reads module:attribute, as in my_project.{kind}:mine")
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError as error:
        lacking = f"there is no module {error.name!r}{raised_at(error)}; is it installed, or on PYTHONPATH?"
        raise PluginError(f"cannot load {shown}: {lacking}") from error
    except (Exception, SystemExit) as error:
        told = f"importing {module} failed: {type(error).__name__}: {error}{raised_at(error)}"
        raise PluginError(f"cannot load {shown}: {told}") from error
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            hint = nearest(attribute, dir(found))
            raise PluginError(f"cannot load {shown}: {module} has no {attribute!r}.{hint}")
        found = getattr(found, attribute)
    return found


def _word(name: str) -> str:
    return name if name.isidentifier() else "mine"
