"""What an importer makes of a file: a draft of a task, or records of calls. Both are frozen; neither does I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimizer.errors import DataError
from optimizer.importers.parsing.files import Source
from optimizer.prompt.layout import Turn
from optimizer.types import JSON


class ImportFault(DataError):
    """A file of another tool is malformed, or says what a task cannot hold."""


@dataclass(frozen=True)
class Wish:
    """What the user asks for: which prompt of several (its number from 1, or its name)."""

    prompt: str | None = None


@dataclass(frozen=True)
class Draft:
    """Of a task, as far as one file goes. What is left empty the task file asks for.

    `program`: the text of a DSPy state instead of `turns`. `reply`: the section `prompt.reply`. `columns`: the section
    `data` without its path. `more`: top-level sections, as they stand in a task file. `lost` are sentences on what
    could not be carried over, `todos` on what to look at (`prompt_todos`: in the prompt); `suggested` are commented
    lines for the task file; `protected` texts of the prompt that stay word for word.
    """

    format: str
    name: str = ""
    turns: tuple[Turn, ...] = ()
    program: str | None = None
    asks: tuple[str, ...] = ()
    model: str | None = None
    params: Mapping[str, JSON] = field(default_factory=dict)
    reply: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    protected: tuple[str, ...] = ()
    rows: tuple[Mapping[str, JSON], ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, JSON] = field(default_factory=dict)
    suggested: tuple[str, ...] = ()
    todos: tuple[str, ...] = ()
    prompt_todos: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One call, as a log has it: what was asked (chat messages, or named inputs), what came back, what it took.

    `latency` in seconds, `cost` in dollars; None: the log does not say. `expected` is a gold answer. `before`: earlier
    turns of its conversation that `said` leaves out.
    """

    id: str
    said: tuple[tuple[str, str], ...] = ()
    before: tuple[JSON, ...] = ()
    inputs: Mapping[str, JSON] | None = None
    output: JSON = None
    expected: JSON = None
    model: str | None = None
    latency: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    params: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class Log:
    """Records of one file, with sentences on what of it is in none of them."""

    records: tuple[Record, ...]
    lost: tuple[str, ...] = ()
    expected: str = ""


@dataclass(frozen=True)
class Format:
    """`looks`: may this be such a file? It raises DataError for what cannot be read, nothing else.

    `log` is there for formats that a task's `data` section can name.
    """

    name: str
    words: str
    looks: Callable[[Source], bool]
    read: Callable[[Source, Wish], Draft]
    log: Callable[[Source], Log] | None = None
    folder: bool = False
    rows: Callable[[Source], Sequence[Mapping[str, JSON]]] | None = None
