"""From rows to examples: which column fills what, and whether every row has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.config.sections import Data
from optimizer.data.conversations import read_turns
from optimizer.data.golds import Gold, gold_reader
from optimizer.data.rows import Row, Table
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.prompt.contract import Contract
from optimizer.types import JSON, Example

_SHOWN = 5  # problems listed before "and so many more"
MISSING: Any = object()
At = Callable[..., str]


@dataclass
class Problems:
    """Row after row is read before the first problem is raised, so that all can be mended at once."""

    found: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            self.found.append(text)

    def raise_any(self) -> None:
        if self.count:
            more = [f"... and {self.count - _SHOWN:,} more rows like these"] if self.count > _SHOWN else []
            raise DataError("\n  ".join([*self.found, *more]))


def wanted(data: Data, names: frozenset[str], more: Iterable[str] = ()) -> set[str]:
    """The columns that a task reads, `more` among them; of a path into an object, the object."""
    columns = [*_sources(data, names).values(), *_expected(data).values(), *more]
    columns += [column for column in (data.id, data.group, data.stratify) if column]
    columns += [column for column in data.source.model_dump().values() if column] if data.source else []
    columns += [column for column in human_columns(data).values() if column]
    return {part for column in columns for part in (column, column.partition(".")[0])}


def human_columns(data: Data) -> dict[str, str | None]:
    """The columns of people's scores among the data's own."""
    own = data.human and not data.human.path
    return {"score": data.human.score, "answer": data.human.answer} if data.human and own else {}


def check_columns(data: Data, names: frozenset[str], table: Table, at: At) -> None:
    """Raises ConfigError for a variable that no column fills and for a column that is not there."""
    for variable in data.fields:
        if variable not in names:
            known = f"the prompt's variables are {', '.join(sorted(names))}"
            raise ConfigError(f"{at('data', 'fields', variable)}: no such variable.{nearest(variable, names)} {known}")
    for variable, column in _sources(data, names).items():
        if not has_column(table, column):
            if variable in data.fields:
                raise no_column(at("data", "fields", variable), column, table)
            raise ConfigError(
                f"{at('prompt')}: the template asks for {variable!r}, which no column of {table.name} fills."
                f"{nearest(variable, table.columns)} Its columns are {', '.join(table.columns)}; "
                f"name the one that is meant, as in data.fields: {{{variable}: COLUMN}}"
            )
    for key, column in _expected(data).items():
        if not has_column(table, column):
            raise no_column(at("data", "expected", *([key] if key else [])), column, table)
    for key in ("id", "group"):
        if (column := getattr(data, key)) and not has_column(table, column):
            raise no_column(at("data", key), column, table)
    recorded = data.source.model_dump() if data.source else {}
    for section, named in (("source", recorded), ("human", human_columns(data))):
        for key, name in named.items():
            if isinstance(name, str) and not has_column(table, name):
                raise no_column(at("data", section, key), name, table)


def read_examples(
    data: Data, names: frozenset[str], contract: Contract, table: Table, turns: str | None = None
) -> tuple[Example, ...]:
    """One example for each row. `turns`: the variable that holds the earlier turns of a conversation.

    Raises DataError with the rows that lack something.
    """
    problems, sources, answers = Problems(), _sources(data, names), _expected(data)
    judge = gold_reader(contract)
    seen: dict[str, Row] = {}
    examples = []
    for position, row in enumerate(table.rows, start=1):
        identity = _identity(data.id, row, position, problems)
        if identity in seen:
            first = seen[identity].place
            problems.add(f"{row.place}, field {data.id!r}: the id {identity!r} is that of {first}; ids must be unique")
        seen[identity] = row
        inputs = {
            variable: (_turns if variable == turns else _needed)(row, column, problems)
            for variable, column in sources.items()
        }
        expected = _gold(row, answers, judge, problems)
        examples.append(Example(identity, inputs, expected, _group(row, data.group)))
    problems.raise_any()
    return tuple(examples)


def strata(column: str, table: Table, examples: tuple[Example, ...]) -> dict[str, str] | None:
    """The stratum of each example: from `expected.a.b`, the gold answer; else from the column. None: no such thing."""
    head, _, rest = column.partition(".")
    if head == "expected" and not has_column(table, column):
        values = [_walk(example.expected, rest) if rest else example.expected for example in examples]
    elif has_column(table, column):
        values = [pick(row, column) for row in table.rows]
    else:
        return None
    if all(value is MISSING for value in values):
        return None
    return {example.id: as_text(value) for example, value in zip(examples, values, strict=True)}


def no_column(at: str, column: str, table: Table) -> ConfigError:
    known, head = f"the columns of {table.name} are {', '.join(table.columns)}", column.partition(".")[0]
    if head in table.columns and column not in table.columns:
        texts = any(isinstance(row.values.get(head), str) for row in table.rows)
        found = (
            "holds text, and a path leads into objects only: name the column itself" if texts else "has no such part"
        )
        return ConfigError(f"{at}: no row has anything at {column!r}; the column {head!r} {found}")
    return ConfigError(f"{at}: there is no column {column!r}.{nearest(column, table.columns)} Known: {known}")


def _sources(data: Data, names: frozenset[str]) -> dict[str, str]:
    return {name: data.fields.get(name, name) for name in sorted(names)}


def _expected(data: Data) -> dict[str, str]:
    """Columns of the gold answer by their key in it; the key "" is the whole answer."""
    if data.expected is None:
        return {}
    return dict(data.expected) if isinstance(data.expected, dict) else {"": str(data.expected)}


def has_column(table: Table, column: str) -> bool:
    """A path is there if it leads somewhere in at least one row: else nothing would be read from it, in silence."""
    if column in table.columns:
        return True
    inside = "." in column and column.partition(".")[0] in table.columns
    return inside and any(pick(row, column) is not MISSING for row in table.rows)


def pick(row: Row, column: str) -> Any:
    """The value of a column, or of a path into an object (`ticket.body`)."""
    if column in row.values:
        return row.values[column]
    head, _, rest = column.partition(".")
    return _walk(row.values.get(head, MISSING), rest) if rest else MISSING


def _walk(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key, MISSING) if isinstance(value, dict) else MISSING
    return value


def _needed(row: Row, column: str, problems: Problems) -> JSON:
    value: JSON = pick(row, column)
    if value is MISSING or value is None:
        found = "is null" if value is None else "is missing"
        way = "the prompt asks for it in every row: fill it in or drop the row"
        problems.add(f"{row.place}, field {column!r}: {found}; {way}")
        return ""
    return value


def _turns(row: Row, column: str, problems: Problems) -> JSON:
    value = pick(row, column)
    try:
        return read_turns(None if value is MISSING else value)
    except ValueError as problem:
        problems.add(f"{row.place}, field {column!r}: {problem}")
        return []


def _identity(column: str | None, row: Row, position: int, problems: Problems) -> str:
    if column is None:
        return str(position)
    value = pick(row, column)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        shown = "missing" if value is MISSING else json.dumps(value)[:60]
        problems.add(f"{row.place}, field {column!r}: an id is a text or a whole number, found {shown}")
        return f"\0{position}"
    return str(value)


def _group(row: Row, column: str | None) -> str | None:
    value = pick(row, column) if column else None
    return None if value is None or value is MISSING or value == "" else as_text(value)


def _gold(row: Row, columns: Mapping[str, str], judge: Gold, problems: Problems) -> JSON:
    if not columns:
        return None
    found = {key: pick(row, column) for key, column in columns.items()}
    found = {key: value for key, value in found.items() if value is not MISSING and value is not None and value != ""}
    if not found:
        return None
    value, problem = judge(found[""] if "" in columns else found)
    if problem:
        where = f"field {columns['']!r}" if "" in columns else "gold answer"
        problems.add(f"{row.place}, {where}: {problem}")
    return value


def as_text(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
