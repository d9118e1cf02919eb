"""From a comparison file, or a data file alone, to the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from optimizer.config.comparison import Columns, ComparisonSettings, Side
from optimizer.config.model_settings import ModelSettings, hourly
from optimizer.config.options import merged
from optimizer.config.sections import Recorded
from optimizer.config.taskfile import checked
from optimizer.config.yamlfile import Document, read_yaml
from optimizer.data import Row, Table
from optimizer.data.columns import MISSING, Problems, as_text, has_column, no_column, pick
from optimizer.data.golds import gold_reader
from optimizer.data.outputs import read_outputs
from optimizer.data.remarks import slow
from optimizer.data.stages import Origin, Stage, columns_of, read_stages, thawed
from optimizer.errors import ConfigError, DataError
from optimizer.models.money.prices import Price
from optimizer.pricing import price_of
from optimizer.recorded.findings import cut_off, mispriced
from optimizer.recorded.joining import Rows
from optimizer.recorded.recording import Answers, Recording
from optimizer.recorded.scores import named_scores, read_scores, without_scores
from optimizer.types import AMOUNTS, Example, Output


def load_recording(path: Path, options: Mapping[str, Any] | None = None) -> Recording:
    """From a comparison file, or from a data file with all the rest in `options` (which win over the file).

    Raises ConfigError and DataError.
    """
    options = options or {}
    if path.suffix.lower() in (".yaml", ".yml"):
        document = read_yaml(path)
    else:
        alone = "targets" not in options and "model" not in options.get("data", {})
        bare = {"data": {"path": path.name}, "source": {"model": "source"}}
        document = Document("promptport compare", bare | ({"target": {"model": "target"}} if alone else {}))
    document = replace(document, data=merged(document.data, options))
    settings, document = checked(document, path.parent, ComparisonSettings)
    return _Reader(settings, document, path.parent).recording()


class _Reader:
    """Reads one recording; keeps the tables that several sides share."""

    def __init__(self, settings: ComparisonSettings, document: Document, folder: Path) -> None:
        self.settings, self.at = settings, document.at
        self.rows = Rows(settings, document.at, folder)
        self.contract = settings.reply.build()
        self.notes: list[str] = []

    def recording(self) -> Recording:
        settings = self.settings
        sides = (settings.source, *(settings.targets or self.rows.others()))
        self.rows.refuse_unjoined(sides)
        settings = named_scores(settings.model_copy(update={"targets": sides[1:]}), sides, self.at)
        self.settings = settings
        rows = self._scored(sides, [self.rows.of(side) for side in sides])
        examples = self._examples(rows[0], self.rows.table(settings.source), sides)
        answers = [self._answers(side, found, examples) for side, found in zip(sides, rows, strict=True)]
        columns = self._columns(rows[0], self.rows.table(settings.source))
        stages = self._stages(sides, rows)
        notes = tuple(self.notes)
        return Recording(settings, self.contract, examples, answers[0], tuple(answers[1:]), notes, columns, stages)

    def _scored(self, sides: Sequence[Side], rows: list[dict[str, Row]]) -> list[dict[str, Row]]:
        """Without the examples that nobody scored."""
        left = without_scores(self.settings, sides, rows)
        if left:
            told = f"{len(left):,} of {len(rows[0]):,} examples have no score on any side; they are left out"
            self.notes.append(told)
        return [{key: row for key, row in found.items() if key not in left} for found in rows]

    def _stages(self, sides: Sequence[Side], rows: Sequence[Mapping[str, Row]]) -> tuple[Stage, ...]:
        pairs = zip(sides, rows, strict=True)
        origins = [Origin(side.model, self.rows.table(side), found, side.stages) for side, found in pairs]
        self.notes += thawed(self.settings.stages, origins)
        return read_stages(self.settings.stages, origins, self.at)

    def _columns(self, rows: Mapping[str, Row], table: Table) -> dict[str, dict[str, str]]:
        """By what the examples are looked at part by part: the columns that are named, else the groups."""
        group = self.settings.data.group
        names = self.settings.slices.columns or ((group,) if group else ())
        for name in names:
            if not has_column(table, name):
                raise no_column(self.at("slices", "columns"), name, table)
        return {name: {key: as_text(pick(row, name)) for key, row in rows.items()} for name in names}

    def _examples(self, rows: Mapping[str, Row], table: Table, sides: Sequence[Side]) -> tuple[Example, ...]:
        data, problems, read = self.settings.data, Problems(), gold_reader(self.contract)
        named = [("expected", data.expected), ("group", data.group), *(("inputs", name) for name in data.inputs)]
        for key, column in named:
            if column and not has_column(table, column):
                raise no_column(self.at("data", key), column, table)
        shown = data.inputs or self._unnamed(table, sides)
        examples = []
        for identity, row in rows.items():
            gold = pick(row, data.expected) if data.expected else MISSING
            value, problem = read(gold) if gold is not MISSING and gold not in (None, "") else (None, None)
            if problem:
                problems.add(f"{row.place}, field {data.expected!r}: {problem}")
            inputs = {column: found for column in shown if (found := pick(row, column)) is not MISSING}
            group = as_text(pick(row, data.group)) or None if data.group else None
            examples.append(Example(identity, inputs, value, group))
        problems.raise_any()
        return tuple(examples)

    def _unnamed(self, table: Table, sides: Sequence[Side]) -> list[str]:
        data = self.settings.data
        named = {data.id, data.model, data.expected, data.group, *columns_of(self.settings.stages)}
        for side in sides:
            recorded = [column for _, column in self.settings.columns_of(side).named]
            named |= {*recorded, *(column.partition(".")[0] for column in recorded), *side.where}
            named |= {column for own in side.stages.values() for column in own.model_dump().values()}
        return [column for column in table.columns if column not in named]

    def _answers(self, side: Side, rows: Mapping[str, Row], examples: Sequence[Example]) -> Answers:
        """Examples that a side did not answer have failed outputs: they count for neither."""
        table, columns = self.rows.table(side), self.settings.columns_of(side)
        self._check(side, columns, table)
        present = [example for example in examples if example.id in rows]
        self._note_strays(side, rows, examples, len(present))
        own = Table(table.name, tuple(rows[example.id] for example in present), table.columns)
        price = self._price(side, columns)
        named = {name: getattr(columns, name) for name in ("output", *AMOUNTS)}
        outputs = read_outputs(Recorded(**named), self.contract, price, own, tuple(present)) if present else {}
        missing = partial(Output, text="", status="failed", error="no output was recorded")
        found = tuple(outputs.get(example.id) or missing(example.id) for example in examples)
        lacking = {name for name in AMOUNTS if not getattr(columns, name)}
        unmeasured = frozenset(lacking - {"cost"} if price else lacking)
        finish = {e.id: as_text(pick(rows[e.id], columns.finish)) for e in present} if columns.finish else {}
        self.notes += slow(side.model, found)
        self.notes += cut_off(side.model, found, finish, side.max_tokens)
        tokens = columns.input_tokens and columns.output_tokens  # then the price is known, or was said not to be
        if columns.cost and (tokens or side.provisioned):
            self.notes += mispriced(side.model, found, price)
        elif not columns.cost:
            self.notes += hourly([(side.model, side.provisioned)])
        if lacking := lacking - {"cost"} if tokens or price else lacking:
            self.notes.append(f"{side.model}: the record says nothing of its {' and '.join(sorted(lacking))}")
        return Answers(side.model, found, read_scores(self.settings, side, rows, examples), unmeasured)

    def _check(self, side: Side, columns: Columns, table: Table) -> None:
        key = "source" if side.model == self.settings.source.model else "target"
        if not columns.output:
            raise ConfigError(
                f"{self.at(key)}: which column of {table.name} holds the replies of {side.model}? Name it in "
                f"{key}.output (--{key}-output). Its columns are {', '.join(table.columns)}"
            )
        for name, column in columns.named:
            if not has_column(table, column):
                raise no_column(self.at(key, name), column, table)

    def _price(self, side: Side, columns: Columns) -> Price | None:
        if not (side.provisioned or (columns.input_tokens and columns.output_tokens)):
            return None
        try:
            return price_of(ModelSettings(model=side.model, price=side.price, provisioned=side.provisioned))
        except (ConfigError, ValueError):
            self.notes.append(
                f"{side.model}: no price is known for it, so its tokens tell nothing of dollars "
                "(name the model as the price table does, or state its price)"
            )
            return None

    def _note_strays(self, side: Side, rows: Mapping[str, Row], examples: Sequence[Example], present: int) -> None:
        lacking = [example.id for example in examples if example.id not in rows]
        known = {example.id for example in examples}
        if lacking:
            self.notes.append(f"{side.model}: has no row for {len(lacking):,} of {len(examples):,}, first {lacking[0]}")
        if strays := [identity for identity in rows if identity not in known]:
            more = f"{len(strays):,} of its rows belong to no row of the source, first {strays[0]}"
            self.notes.append(f"{side.model}: {more}; they are left out")
        if not present:
            raise DataError(f"{side.model}: none of its rows has an id of the source's rows; correct data.id")
