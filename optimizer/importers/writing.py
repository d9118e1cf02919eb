"""An imported draft as a task folder: a commented task.yaml, the prompt's file, the examples, and what was left behind.

What the draft lacks is asked for by a TODO. Where the file would not be a task without it, a stand-in is written:
a simulated model, or rows that say TODO, which `check` accepts and `run` refuses.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from optimizer.config import schema_line
from optimizer.config.yamlfile import write_yaml
from optimizer.errors import ConfigError, DataError, PluginError
from optimizer.importers.parsing.chat import names
from optimizer.importers.promptfile import prompt_file, syntax_of
from optimizer.importers.standin import stand_ins
from optimizer.importers.values import Draft, ImportFault
from optimizer.prompt import history
from optimizer.redact import holds_secret
from optimizer.types import JSON

NOTES = "IMPORTED.md"
FEWEST = 5
_SOURCE, _TARGET = "offline/sim-alpha", "offline/sim-beta"


@dataclass(frozen=True)
class Written:
    task: Path
    files: tuple[Path, ...]
    todos: tuple[str, ...]
    lost: tuple[str, ...]


def write_task(
    draft: Draft,
    folder: Path,
    origin: str,
    check: Callable[[Path], object],
    *,
    source: str | None = None,
    target: str | None = None,
) -> Written:
    """Never overwrites: all files appear once `check` has read them, or none. Raises ConfigError and DataError."""
    task = _Task(draft, origin, source, target)
    files = task.files()
    for name, text in files.items():
        if (folder / name).exists():
            raise ConfigError(f"{folder / name} is there already; choose another folder, or move it away")
        if name != "data.jsonl" and holds_secret(text):
            raise ImportFault(
                f"{origin}: holds what looks like a secret key; take it out, and out of the file's history"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = Path(mkdtemp(prefix=".import-", dir=folder))
        try:
            for name, text in files.items():
                (held / name).write_text(text, "utf-8", newline="\n")
            _checked(held / "task.yaml", origin, check)
            for name in files:
                (held / name).replace(folder / name)
        finally:
            shutil.rmtree(held, ignore_errors=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write here ({error.strerror}); choose another folder") from error
    return Written(folder / "task.yaml", tuple(folder / name for name in files), tuple(task.todos), draft.lost)


def _checked(task: Path, origin: str, check: Callable[[Path], object]) -> None:
    """What is handed out can be read: a fault that no importer saw comes out here, not at the first run."""
    try:
        check(task)
    except (ConfigError, DataError, PluginError) as error:
        raise ImportFault(f"{origin}: no task can be made of it: {error}") from error


def told(written: Written) -> str:
    """For the command line: what was written, what is to be filled in, what was left behind."""
    lines = [f"wrote {', '.join(str(path) for path in written.files)}"]
    lines += [f"TODO   {_plain(text)}" for text in written.todos]
    lines += [f"left   {_plain(text)}" for text in written.lost]
    return "\n".join([*lines, f"next: promptport check {written.task}"])


class _Task:
    """Gathers the files of one task, and the TODOs that stand in them."""

    def __init__(self, draft: Draft, origin: str, source: str | None, target: str | None) -> None:
        self.draft, self.origin = draft, origin
        self.source, self.target = source or draft.model, target
        self.todos: list[str] = []
        self.rows = list(draft.rows)
        self.asks = draft.asks or names(draft.turns)
        if not draft.turns and draft.program is None:
            raise ImportFault(
                f"{origin}: holds neither a prompt nor examples that ask for one; import a prompt as well"
            )
        if not self.asks:
            raise ImportFault(
                f"{origin}: the prompt has no variable: every example would get the same question; "
                "mark the place of the input, as in {{input}}"
            )

    def files(self) -> dict[str, str]:
        draft = self.draft
        sections = [*self._head(), *self._data(), *self._prompt(), *self._models(), *self._more()]
        found = {"task.yaml": "\n".join(sections)}
        if draft.program is not None:
            found["program.json"] = draft.program
        else:
            name, text = prompt_file(draft.turns)
            found[name] = text
        if draft.tools:
            found["tools.json"] = json.dumps([dict(tool) for tool in draft.tools], ensure_ascii=False, indent=1) + "\n"
        found["data.jsonl"] = "".join(_line(row) + "\n" for row in self.rows)
        found[NOTES] = self._notes()
        return found

    def _todo(self, text: str) -> str:
        self.todos.append(text)
        return "\n".join(f"# {'TODO: ' if not n else '      '}{line}" for n, line in enumerate(_folded(text)))

    def _head(self) -> Iterator[str]:
        yield schema_line()
        yield f"# Imported from {_plain(self.origin)} ({self.draft.format}). TODO marks what it could not say;"
        yield f"# what was left behind stands in {NOTES}. Then: promptport check task.yaml"
        if name := _task_name(self.draft.name):
            yield write_yaml({"name": name}).rstrip()

    def _data(self) -> Iterator[str]:
        columns = dict(self.draft.columns)
        yield ""
        if not self.rows:
            yield self._todo(
                f"the examples: {_plain(self.origin)} has none. Put yours into data.jsonl, one object a line with "
                f"the keys {', '.join(self.asks)} (and `expected`, the right answer, if you know it); "
                "a run refuses the stand-ins"
            )
            given = {name: self.draft.defaults[name] for name in self.asks if self.draft.defaults.get(name) is not None}
            self.rows = list(stand_ins(self.asks, history.slot(self.draft.turns)))
            self.rows[0] = {**self.rows[0], **given}
            columns = {}
        fields, todos = self._fields(columns)
        if fields:
            columns["fields"] = fields
        yield from map(self._todo, todos)
        if 0 < len(self.draft.rows) < FEWEST:
            yield self._todo(f"more examples: {len(self.rows)} are too few, {FEWEST} the least that can be split")
        if self.rows and not ("expected" in columns or "source" in columns) and self.draft.rows:
            yield self._todo(
                "the right answers, where you know them: name their column in `expected`; else the source's count"
            )
        yield write_yaml({"data": {"path": "data.jsonl", **columns}}).rstrip()

    def _fields(self, columns: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
        """Columns for variables that none is named after."""
        have = dict.fromkeys(name for row in self.rows for name in row)
        lacking = [name for name in self.asks if name not in have and name.partition(".")[0] not in have]
        free = [name for name in have if name not in self.asks and name not in _used(columns)]
        pairs = dict(zip(lacking, free, strict=False)) if len(lacking) == 1 and free else {}
        if "input" in free and len(lacking) == 1:
            pairs = {lacking[0]: "input"}
        return pairs, [
            f"is {column!r} the column for {{{{{name}}}}}? No column has its name" for name, column in pairs.items()
        ]

    def _prompt(self) -> Iterator[str]:
        draft = self.draft
        yield ""
        yield from map(self._todo, (*draft.prompt_todos, *draft.todos))
        if draft.program is not None:
            yield write_yaml({"program": {"dspy": "program.json"}}).rstrip()
            return
        syntax = syntax_of(draft.turns)
        section: dict[str, Any] = {"file": prompt_file(draft.turns)[0], "syntax": syntax}
        if draft.protected:
            section["protect"] = list(draft.protected)
        if draft.tools:
            section["tools"] = "tools.json"
            section |= {"tool_choice": draft.tool_choice} if draft.tool_choice else {}
        if draft.tools and draft.reply.get("schema"):
            section["reply"] = {"schema": draft.reply["schema"]}
        elif draft.reply and not draft.tools:
            section["reply"] = dict(draft.reply)
        elif not draft.tools:
            yield "# What form must a reply have? `reply: {labels: [a, b]}`, or `reply: {kind: json, schema: ...}`"
        yield write_yaml({"prompt": section}).rstrip()

    def _models(self) -> Iterator[str]:
        yield ""
        if self.source is None:
            yield self._todo("the model in use today, as LiteLLM names it; offline/... is simulated, and stands in")
        params = {"params": dict(self.draft.params)} if self.draft.params else {}
        yield write_yaml({"source": {"model": self.source or _SOURCE, **params}}).rstrip()
        if self.target is None:
            yield self._todo("the model to move to; offline/... is simulated, and stands in")
        yield write_yaml({"target": self.target or _TARGET}).rstrip()

    def _more(self) -> Iterator[str]:
        if self.draft.more:
            yield ""
            yield write_yaml(dict(self.draft.more)).rstrip()
        if self.draft.suggested:
            yield ""
            yield self._todo("if a model shall judge, name it and take one of these in")
            yield from (f"# {line}" for text in self.draft.suggested for line in _plain(text).split("\n"))
        yield ""

    def _notes(self) -> str:
        lines = [f"# Imported from {_plain(self.origin)} ({self.draft.format})", ""]
        lines += (
            ["To fill in (TODO in task.yaml):", *[f"- {_plain(text)}" for text in self.todos], ""] if self.todos else []
        )
        lines += ["Not carried over:", *[f"- {_plain(text)}" for text in self.draft.lost]]
        return "\n".join(lines if self.draft.lost else [*lines, "- nothing was left behind"]) + "\n"


def _used(columns: Mapping[str, Any]) -> set[str]:
    flat = [value for value in columns.values() if isinstance(value, str)]
    return {*flat, *(str(v) for value in columns.values() if isinstance(value, dict) for v in value.values()), "id"}


def _line(row: Mapping[str, JSON]) -> str:
    return json.dumps(dict(row), ensure_ascii=False)


def _plain(text: str) -> str:
    """On one line, without control characters: it stands in a comment."""
    return "".join(c if c.isprintable() else " " for c in text)


def _task_name(text: str) -> str:
    kept = "".join(c if c.isalnum() or c in "_ .-" else "-" for c in text).strip(" .-")
    return kept[:60].rstrip(" .-")


def _folded(text: str, width: int = 110) -> list[str]:
    return textwrap.wrap(_plain(text), width, break_long_words=False, break_on_hyphens=False) or [""]
