"""What an output is held against: the gold answer, or what the source model answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

from optimizer.errors import ConfigError, DataError, nearest
from optimizer.types import JSON, Example, Output, Score

Against = Literal["auto", "gold", "source"]


class Unscored(Exception):
    """No score could be found for an example: it counts for neither side, and is counted as lost."""


def check_against(against: object) -> None:
    """Raises ConfigError for what is none of `Against`."""
    if against not in get_args(Against):
        known = nearest(str(against), get_args(Against))
        raise ConfigError(f"against: must be auto, gold or source, found {against!r}.{known}")


@dataclass(frozen=True)
class Compared:
    """A metric that compares an output with a right answer. `against`: "auto" takes gold where the example has it.

    An output that broke its contract scores 0, with the reason as feedback. So does any output where the
    source's own reply is the standard and is none; that happens to both sides alike and tells them not apart.
    """

    compare: Callable[[Output, JSON], Score]
    against: Against = "auto"

    def __post_init__(self) -> None:
        check_against(self.against)

    def __call__(self, example: Example, output: Output, reference: Output | None) -> Score:
        if output.status != "ok":
            return Score(0.0, output.error or output.status)
        right, lacking = self.right(example, reference)
        if lacking:
            return Score(0.0, lacking)
        try:
            return self.compare(output, right)
        except DataError as error:
            raise DataError(f"example {example.id!r}: {error}") from error

    def right(self, example: Example, reference: Output | None) -> tuple[JSON, str]:
        """The right answer; or why there is none to compare with. Raises DataError where the task is at fault."""
        if self.against == "gold" and example.expected is None:
            raise DataError(f"example {example.id!r} has no gold answer; set data.expected, or against: source")
        if self.against != "source" and example.expected is not None:
            return example.expected, ""
        if reference is None:
            raise DataError(f"example {example.id!r} has neither a gold answer nor an answer of the source")
        if reference.status != "ok":
            return None, f"nothing to compare with: the source's own reply is {reference.status}"
        return (reference.text if reference.value is None else reference.value), ""


def library(name: str, extra: str, metric: str) -> Any:
    """A library that not every user needs. Raises ConfigError with the way to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"metric {metric!r} needs {name.partition('.')[0]} ({error}); pip install 'promptport[{extra}]'"
        ) from error


def wanted_text(example: Example, reference: Output | None, against: Against) -> str:
    """What is wanted, as text; nothing where a judge has only the input to go by."""
    if against != "source" and example.expected is not None:
        return written(example.expected)
    return reference.text if reference is not None and reference.status == "ok" else ""


class Alone(Compared):
    """A metric that needs no right answer."""

    def right(self, example: Example, reference: Output | None) -> tuple[JSON, str]:
        del example, reference
        return None, ""


def spoken(output: Output) -> str:
    """The answer as text: what the contract reads out of the reply, where that is text."""
    return output.value if isinstance(output.value, str) else output.text


def written(answer: JSON) -> str:
    """An answer as text; whatever is no text as JSON."""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def alternatives(output: Output, answer: JSON) -> Sequence[JSON]:
    """A list as the right answer to a plain reply means that each of its items is right."""
    if isinstance(answer, list) and answer and not isinstance(output.value, list | dict):
        return answer
    return [answer]


def brief(answer: JSON, width: int = 80) -> str:
    """An answer as it is quoted in feedback: on one line, not too long."""
    text = " ".join(written(answer).split())
    text = text if len(text) <= width else text[: width - 1] + "…"
    return f"'{text}'"
