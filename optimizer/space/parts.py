"""The search space of a program of several prompts: wording and worked examples of each part, by its name.

`wording.<part>` and `demos.<part>` stand for the dimensions `wording` and `demos` of the space that the task names.
Their choices are named `<part>/<choice>`, so that each says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from optimizer.errors import ConfigError, nearest
from optimizer.prompt import Demo, Prompt
from optimizer.prompt.suite import Part, Suite
from optimizer.prompt.template import Template
from optimizer.space.dimension import Choice, Dimension
from optimizer.space.search_space import SearchSpace
from optimizer.space.variant import Variant

AS_IS, NONE = "as_is", "none"
_KINDS = ("wording", "demos")
_PLAIN = ("program", "plain")  # a compiled program brings its own


def by_parts(space: SearchSpace, prompt: Prompt) -> tuple[SearchSpace, tuple[str, ...]]:
    """The space for this prompt: as it is, or for each part of a program; and a note on what a program cannot have.

    Raises ConfigError where nothing of the space is left.
    """
    if not isinstance(prompt, Suite):
        return space, ()
    kept = [dimension for dimension in space.dimensions if _applies(dimension, prompt)]
    own = [choice for part in prompt.parts for choice in _choices(part, space)]
    if not own and not kept:
        raise ConfigError("search.space: it has neither wording, demos, program nor parameters: nothing of a program")
    lost = [d.name for d in space.dimensions if d.name not in _KINDS and d not in kept]
    note = f"search space: {', '.join(lost)} left out: DSPy lays out the messages of a program"
    return SearchSpace((*own, *kept)), (note,) if lost else ()


def offered(space: SearchSpace, names: Iterable[str], kind: str) -> SearchSpace:
    """The space with the parts' choices that were found by now; `names` are `<part>/<choice>`."""
    for name in names:
        place = place_of(name, kind)
        if place != kind and (known := space.choices(place)):
            space = space.offering(place, (*known, name))
    return space


def place_of(name: str, kind: str = "wording") -> str:
    """The dimension in which a choice stands: `wording.outline` for `outline/from_gepa`."""
    part, found, _ = name.rpartition("/")
    return f"{kind}.{part}" if found else kind


def chosen(suite: Suite, names: Mapping[str, str], wordings: Mapping[str, Template], sets: Mapping[str, Any]) -> Suite:
    """The suite with the wordings and sets of examples that stand under `names`, by dimension."""

    def one(part: Part) -> Part:
        wording, demos = names.get(f"wording.{part.name}"), names.get(f"demos.{part.name}")
        if wording is not None:
            part = replace(part, instructions=_known(wordings, "wording", wording).text)
        if demos is not None:
            part = replace(part, demos=() if demos == NONE else _known(sets, "set of worked examples", demos))
        return part

    return suite.with_parts(one(part) for part in suite.parts)


def _known(found: Mapping[str, Any], kind: str, name: str) -> Any:
    if name not in found:
        raise ConfigError(f"no {kind} is called {name!r}.{nearest(name, found)}")
    return found[name]


def news(compiled: Prompt, before: Prompt) -> Iterator[tuple[str, Template, tuple[Any, ...]]]:
    """By prefix of their names, the instructions and worked examples of a compiled prompt that differ; a template is
    empty, and so are examples, where there is nothing new."""
    if not (isinstance(compiled, Suite) and isinstance(before, Suite)):
        yield "", _if_new(compiled.instructions, before.instructions), _if_other(compiled.demos, before.demos)
        return
    for part in compiled.parts:
        old = before.part(part.name)
        text, known = Template((part.instructions,)), Template((old.instructions,))
        yield f"{part.name}/", _if_new(text, known), _if_other(part.demos, old.demos)


def _if_new(text: Template, known: Template) -> Template:
    return Template() if text == known else text


def _if_other(demos: tuple[Any, ...], known: tuple[Demo | Mapping[str, Any], ...]) -> tuple[Any, ...]:
    return () if demos == known else demos


def _choices(part: Part, space: SearchSpace) -> Iterator[Choice]:
    if "wording" in space.names:
        yield Choice(f"wording.{part.name}", (AS_IS,), _put(f"wording.{part.name}"), when=_PLAIN)
    if "demos" in space.names:
        choices = (AS_IS, NONE) if part.demos else (AS_IS,)
        yield Choice(f"demos.{part.name}", choices, _put(f"demos.{part.name}"), when=_PLAIN)


def _put(place: str) -> Callable[[Variant, Any], Variant]:
    return lambda variant, value: replace(variant, parts={**variant.parts, place: value})


def _applies(dimension: Dimension, suite: Suite) -> bool:
    """Does it change the program to be compiled, its knobs or parameters, DSPy's wording, and nothing else?"""
    plain = Variant(suite)
    made = [dimension.apply(plain, value) for value in dimension.choices]
    same: dict[str, Any] = {"params": suite.params, "origin": suite.origin}
    bare = [replace(v, program="plain", knobs={}, prompt=replace(v.prompt, **same)) for v in made]
    return any(variant != plain for variant in made) and all(variant == plain for variant in bare)
