"""Stages of an application beside the one that is migrated: retrieval, reranking, a call to another model; and what
they gave and took, read from the rows.

A frozen stage is not run again: what it gave is in the data, and the source and every target are given the same. Stages
run one after the other, so that their seconds, tokens and dollars add up to those of the application.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from optimizer.config import Settings
from optimizer.config.stages import StageColumns, StageSettings
from optimizer.data.columns import At, Problems, has_column, no_column, pick
from optimizer.data.outputs import amount
from optimizer.data.rows import Row, Table
from optimizer.types import AMOUNTS

EVERYONE = ""  # in place of a model's name: the stage took the same with all of them
_SOURCE = "source: "  # before the source's name, where a target has the same: two prompts of one model

Amounts = Mapping[str, Mapping[str, float]]  # by example id, by name of the amount


@dataclass(frozen=True)
class Stage:
    """`output` is the column that holds what it gave. `amounts`: by model, what it took; lacking names were not
    recorded."""

    name: str
    frozen: bool
    output: str | None
    amounts: Mapping[str, Amounts]

    def of(self, model: str, *, source: bool = False) -> Amounts:
        own = self.amounts.get(_SOURCE + model) if source else None
        return own or self.amounts.get(model, self.amounts.get(EVERYONE, {}))


@dataclass(frozen=True)
class Origin:
    """One side's rows by example id; `own`: its own columns, by stage, in place of the section's."""

    model: str
    table: Table
    rows: Mapping[str, Row]
    own: Mapping[str, StageColumns] = field(default_factory=dict)


def columns_of(stages: Sequence[StageSettings]) -> Iterator[str]:
    for stage in stages:
        yield from (column for name in ("output", *AMOUNTS) if (column := getattr(stage, name)))


def read_stages(stages: Sequence[StageSettings], origins: Sequence[Origin], at: At) -> tuple[Stage, ...]:
    """A frozen stage is read from the first origin alone. Raises ConfigError and DataError."""
    problems, found = Problems(), []
    for stage in stages:
        asked = origins[:1] if stage.frozen else origins
        keys = [EVERYONE] if stage.frozen else _keys(origins)
        amounts = {key: _amounts(stage, origin, at, problems) for key, origin in zip(keys, asked, strict=True)}
        found.append(Stage(stage.name, stage.frozen, stage.output, amounts))
    problems.raise_any()
    return tuple(found)


def _keys(origins: Sequence[Origin]) -> list[str]:
    source, *others = [origin.model for origin in origins]
    return [_SOURCE + source if source in others else source, *others]


def thawed(stages: Sequence[StageSettings], origins: Sequence[Origin]) -> Iterator[str]:
    """Stages that are called frozen, but gave one side something else than the other."""
    first, *others = origins
    for stage in stages:
        column = stage.output
        for other in others if stage.frozen and column else ():
            if not column or not has_column(other.table, column):
                continue
            shared = [identity for identity in first.rows if identity in other.rows]
            apart = [i for i in shared if pick(first.rows[i], column) != pick(other.rows[i], column)]
            if apart:
                yield (
                    f"stage {stage.name}: is said to be frozen, but its output {column!r} differs between "
                    f"{first.model} and {other.model} in {len(apart):,} of {len(shared):,} rows, first {apart[0]}; "
                    "what is compared is not the prompt's work alone"
                )


def unasked(settings: Settings, names: Iterable[str]) -> Iterator[str]:
    """Frozen outputs that no variable of the prompt is filled with."""
    asked = {settings.data.fields.get(name, name).partition(".")[0] for name in names}
    for stage in settings.stages:
        if stage.output and stage.output.partition(".")[0] not in asked:
            yield f"stage {stage.name}: the prompt does not ask for what it gave ({stage.output!r})"


def _amounts(stage: StageSettings, origin: Origin, at: At, problems: Problems) -> Amounts:
    own = origin.own.get(stage.name)
    named = {name: (own and getattr(own, name)) or getattr(stage, name) for name in AMOUNTS}
    for column in [stage.output, *named.values()]:
        if column and not has_column(origin.table, column):
            raise no_column(at("stages"), column, origin.table)
    columns = {name: column for name, column in named.items() if column}
    return {
        identity: {n: amount(row, c, n.endswith("_tokens"), problems) for n, c in columns.items()}
        for identity, row in origin.rows.items()
    }
