"""What is to be migrated: the settings, the prompt, the examples, and what the source answered if that is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from optimizer.config import ModelSettings, Settings
from optimizer.config.prompts import PromptSettings
from optimizer.config.taskfile import open_file
from optimizer.config.yamlfile import Document
from optimizer.data import Table, columns, read_files, read_hub
from optimizer.data.conversations import overlapping
from optimizer.data.other_rows import header_of, on_other_rows
from optimizer.data.outputs import read_outputs
from optimizer.data.ratings import Rating, read_apart, read_ratings
from optimizer.data.remarks import remarks, unbundled, unfilled
from optimizer.data.stages import Origin, Stage, columns_of, read_stages, unasked
from optimizer.errors import ConfigError, DataError, OptimizerError
from optimizer.importers import read_table, refuse_several
from optimizer.metrics.judges.scrutiny import Rated
from optimizer.metrics.whole import Row
from optimizer.models.money.prices import Price
from optimizer.models.replies.names import same_model
from optimizer.pricing import price_of
from optimizer.prompt import Prompt
from optimizer.types import AMOUNTS, Example, Output


@dataclass(frozen=True)
class Task:
    """`prompt` has the source's parameters. `recorded`: the source's outputs by example id, where the data has them.

    `strata`: by example id, what to spread evenly over the splits. `slices`: by column and example id, by what the
    held-out examples are looked at part by part. `rated`: answers with people's scores. `stages`: what the application
    does beside the prompt. `unmeasured` names the amounts (cost, latency, input_tokens, output_tokens) that the record
    lacks: they are 0 in `recorded`, and mean nothing.
    `notes` are sentences on what was found in the data; those on the settings are in `settings.warnings`.
    `folder` is where the task file's paths start.
    """

    name: str
    settings: Settings
    prompt: Prompt
    examples: tuple[Example, ...]
    folder: Path
    recorded: Mapping[str, Output] | None = None
    strata: Mapping[str, str] | None = None
    slices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rated: Rated = Rated()
    stages: tuple[Stage, ...] = ()
    unmeasured: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def load_task(path: str | Path, *, data: Path | None = None) -> Task:
    """Reads the task file and all that it names; asks no model. Raises ConfigError and DataError.

    `data`: a file of rows in place of the task file's; what only splits, slices and ratings need is not looked for.
    """
    path = Path(path)
    settings, document = open_file(path, Settings)
    log = _log(settings, data, document) if data and settings.data.format else None
    if data:
        settings = on_other_rows(settings, data, log.columns if log else header_of(settings, data))
    prompt = _prompt(settings, path.parent, document)
    table = _table(settings, prompt, path.parent, document, log)
    columns.check_columns(settings.data, prompt.names, table, document.at)
    examples = columns.read_examples(settings.data, prompt.names, prompt.contract, table, prompt.history)
    _check_gold(settings, examples, table, document)
    recorded, unmeasured = None, frozenset[str]()
    if settings.data.source:
        price = _price(settings, document)
        recorded = read_outputs(settings.data.source, prompt.contract, price, table, examples)
        unmeasured = _unmeasured(settings, price)
    apart = read_apart(settings.data, path.parent, document.at)
    ratings, unjoined = read_ratings(settings.data.human, table, examples, apart)
    strata, ids = _strata(settings, prompt, table, examples, document), [example.id for example in examples]
    return Task(
        name=settings.name,
        settings=settings,
        prompt=prompt,
        examples=examples,
        folder=path.parent,
        recorded=recorded,
        strata=strata,
        slices=_slices(settings, table, examples, strata, document),
        rated=_rated(settings, prompt, ratings, recorded),
        stages=read_stages(settings.stages, [Origin("", table, dict(zip(ids, table.rows, strict=True)))], document.at),
        unmeasured=unmeasured,
        notes=(
            *remarks(settings, examples, recorded, unmeasured, prompt.history),
            *unjoined,
            *unasked(settings, prompt.names),
            *unfilled(settings, prompt),
            *(overlapping(examples, prompt.history) if prompt.history else ()),
            *unbundled(prompt, examples),
        ),
    )


def with_target(task: Task, model: str) -> Task:
    """The same task for one target: the task file's section on it, or a plain one. Raises ConfigError."""
    listed = [target for target in task.settings.targets if target.model == model]
    try:
        targets = tuple(listed) or (ModelSettings(model=model),)
    except ValueError as error:
        raise ConfigError(f"target {model!r}: must be a model's name, provider/model, without spaces") from error
    return replace(task, settings=task.settings.model_copy(update={"targets": targets}))


def _prompt(settings: Settings, folder: Path, document: Document) -> Prompt:
    """The prompt as its team wrote it, or the program with all of its prompts."""
    subject, params = settings.subject, settings.source.params
    if isinstance(subject, PromptSettings):
        return subject.build(params)
    from optimizer.programs.dspy.opening import open_suite

    facts = subject.model_dump(exclude={"dspy", "reply"})
    try:
        return open_suite(subject.dspy, folder, contract=subject.reply.build(), params=params, **facts)
    except OptimizerError as error:
        told = str(error) if str(error).startswith("program") else f"program: {error}"
        raise ConfigError(f"{document.at('program').removesuffix('program')}{told}") from error


def _table(settings: Settings, prompt: Prompt, folder: Path, document: Document, log: Table | None) -> Table:
    """`log`: its rows, where they have been read already."""
    data, at = settings.data, document.at("data", "format")
    wanted = columns.wanted(data, prompt.names, (*settings.slices.columns, *columns_of(settings.stages)))
    if data.hub:
        return read_hub(wanted=wanted, **data.hub.model_dump())
    paths = [folder / Path(name).expanduser() for name in data.path]
    if data.format:
        table = log if log is not None else read_table(paths, data.format, at)
        if data.source:
            refuse_several(table, data.format, at)
        return table
    return read_files(paths, encoding=data.encoding, delimiter=data.delimiter, wanted=wanted)


def _log(settings: Settings, data: Path, document: Document) -> Table:
    """Rows in place of the task's own, in the same format. Raises DataError for logs of a target: held against its own
    answers it would always agree."""
    table = read_table([data], str(settings.data.format), document.at("data", "format"))
    for name in {str(row.values.get("model") or "") for row in table.rows}:
        if settings.data.source and name and any(same_model(target.model, name) for target in settings.targets):
            raise DataError(
                f"{data}: holds answers of {name}, a target, which is to be held against the source's answers; give "
                "logs of the source, or rows with right answers (data.expected)"
            )
    return table


def _check_gold(settings: Settings, examples: tuple[Example, ...], table: Table, document: Document) -> None:
    lacking = [row.place for row, e in zip(table.rows, examples, strict=True) if e.expected is None]
    for metric in settings.metrics:
        if metric.against == "gold" and lacking:
            raise ConfigError(
                f"{document.at('metrics')}: {metric.name!r} scores against the gold answer, but {len(lacking)} of "
                f"{len(examples)} rows have none, first {lacking[0]}; name their column in data.expected, "
                "drop the rows, or score `against: auto` (gold where there is one, else the source)"
            )


def _price(settings: Settings, document: Document) -> Price | None:
    """The source's price, where the cost of its recorded outputs has to be reckoned with it."""
    recorded = settings.data.source
    if not recorded or recorded.cost:
        return None
    if not (settings.source.provisioned or (recorded.input_tokens and recorded.output_tokens)):
        return None
    try:
        return price_of(settings.source)
    except ConfigError as error:
        raise ConfigError(f"{document.at('source', 'price')}: {error}; or name a column in data.source.cost") from error


def _unmeasured(settings: Settings, price: Price | None) -> frozenset[str]:
    given = settings.data.source.model_dump() if settings.data.source else {}
    lacking = {name for name in AMOUNTS if not given.get(name)}
    return frozenset(lacking - {"cost"} if price else lacking)


def _strata(
    settings: Settings, prompt: Prompt, table: Table, examples: tuple[Example, ...], document: Document
) -> Mapping[str, str] | None:
    wanted = settings.data.stratify
    if wanted is None:
        return columns.strata("expected", table, examples) if prompt.contract.kind == "labels" else None
    found = columns.strata(wanted, table, examples)
    if found is None:
        at = document.at("data", "stratify")
        raise columns.no_column(at, wanted, table)
    return found


def _rated(settings: Settings, prompt: Prompt, found: Sequence[Rating], recorded: Mapping[str, Output] | None) -> Rated:
    """The answers that people scored. The source's own is not held against itself: the judge has the input alone."""
    human, known, rows = settings.data.human, recorded or {}, list[tuple[Row, float]]()
    if human is None:
        return Rated()
    for example, mark, said in found:
        own = known.get(example.id)
        if said is None:
            rows.append(((example, known[example.id], None), mark))
        else:
            reply = prompt.contract.read(said)
            output = Output(example.id, reply.text, reply.value, reply.status, reply.error)
            rows.append(((example, output, own if own and own.text != output.text else None), mark))
    return Rated(tuple(row for row in rows if row[0][1].status == "ok"), human.levels)


def _slices(
    settings: Settings,
    table: Table,
    examples: tuple[Example, ...],
    strata: Mapping[str, str] | None,
    document: Document,
) -> Mapping[str, Mapping[str, str]]:
    """The values of the columns that are named; where none is, groups and strata."""
    data, found = settings.data, dict[str, Mapping[str, str]]()
    for name in settings.slices.columns:
        values = columns.strata(name, table, examples)
        if values is None:
            raise columns.no_column(document.at("slices", "columns"), name, table)
        found[name] = values
    if found:
        return found
    if data.group:
        found[data.group] = {example.id: example.group or "" for example in examples}
    if strata:
        found[data.stratify or "label"] = strata
    return found
