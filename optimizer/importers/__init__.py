"""Importers: prompts, examples and recorded answers of other tools, as a task.

One module for each format; this one lists them, finds out which a file has, and joins what several files say.

What they share: `reading` and `node` open a file and ask it for values; `values` is what they hand on, as drafts or as
records of calls (`logs`, `chat`), of which `recover` makes a task. `dialects` and `blocks` read templates,
`frontmatter`, `companion` and `knobs` what stands beside them, `schemas` and `toolbox` reply and tools,
`promptfoo_tests` assertions. `picking` takes one prompt of several; `standin` fills what is missing; `writing`, with
`promptfile`, makes the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from optimizer.data import Row, Table
from optimizer.errors import ConfigError, DataError, nearest
from optimizer.importers import (
    advpo,
    bedrock,
    bundle,
    chat_json,
    chat_rows,
    dotprompt,
    dspy_program,
    frontmatter,
    langchain,
    langfuse,
    langsmith,
    litellm_logs,
    litellm_prompt,
    mlflow,
    nova,
    openai_evals,
    otel,
    plain_text,
    playbook,
    prompt_ops,
    promptfoo,
    prompty,
    registered,
    stored_prompt,
    table,
)
from optimizer.importers.reading import Source
from optimizer.importers.recover import rows_of
from optimizer.importers.values import Draft, Format, Wish

#: In the order in which they are told.
FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        promptfoo.FORMAT,
        prompty.FORMAT,
        dotprompt.FORMAT,
        litellm_prompt.FORMAT,
        langchain.FORMAT,
        dspy_program.FORMAT,
        stored_prompt.FORMAT,
        chat_json.FORMAT,
        bedrock.FORMAT,
        advpo.FORMAT,
        prompt_ops.FORMAT,
        nova.FORMAT,
        registered.FORMAT,
        plain_text.FORMAT,
        plain_text.FOLDER,
        bundle.FORMAT,
        openai_evals.FORMAT,
        chat_rows.FORMAT,
        litellm_logs.FORMAT,
        otel.FORMAT,
        langfuse.FORMAT,
        langsmith.FORMAT,
        mlflow.FORMAT,
        playbook.FORMAT,
        table.FORMAT,
    )
}


_OF_THE_PROMPT = ("turns", "program", "asks", "prompt_todos", "reply", "tools", "tool_choice")
_OF_ROWS = ("rows", "columns")


def import_files(paths: Sequence[Path], *, named: str | None = None, wish: Wish | None = None) -> Draft:
    """One draft of all files: where two say the same, the first one is heard. Raises DataError and ConfigError.

    `named`: the format of the first file, where its content does not tell.
    """
    drafts = []
    for number, path in enumerate(paths):
        source = Source(path)
        found = _named(named) if named and number == 0 else detect(source)
        if found.folder != source.is_folder:
            wanted = "a folder" if found.folder else "a file"
            raise DataError(f"{path}: {found.name} is {wanted}; name that, or leave --as out")
        drafts.append(found.read(source, wish or Wish()))
    return joined(drafts)


def detect(source: Source) -> Format:
    """The only format that the content fits. Raises DataError where none does, or several."""
    if not source.path.exists():
        raise DataError(f"{source.path}: no such file; check its name and folder")
    sort = [found for found in FORMATS.values() if found.folder == source.is_folder and found is not table.FORMAT]
    fitting = [found for found in sort if _looks(found, source)]
    if not fitting and not source.is_folder and _looks(table.FORMAT, source):
        return table.FORMAT
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " or ".join(found.name for found in fitting)
        raise DataError(
            f"{source.name}: could be {names}, which read it differently; say which it is, as in --as {fitting[0].name}"
        )
    if not source.is_folder:
        _read_somehow(source)  # raises what is wrong with the file, if anything
    raise DataError(
        f"{source.name}: is of no format that is known here; say which with --as NAME. Known: {', '.join(FORMATS)}"
    )


def names() -> Iterator[tuple[str, str]]:
    """Every format with a few words; those that `data.format` takes say so."""
    for one in FORMATS.values():
        yield one.name, one.words + ("; also as data.format" if one.log or one.rows else "")


def read_table(paths: Sequence[Path], name: str, at: str = "data.format", *, one_model: bool = False) -> Table:
    """The rows of files whose format a task names at that place. Raises ConfigError and DataError.

    `one_model`: the answers are to be those of the source, so that calls of several models are refused.
    """
    if name not in FORMATS:
        raise ConfigError(f"{at}: no format is called {name!r}.{nearest(name, FORMATS)} Known: {', '.join(FORMATS)}")
    found = FORMATS[name]
    if not (found.log or found.rows):
        known = [one.name for one in FORMATS.values() if one.log or one.rows]
        raise ConfigError(
            f"{at}: {name!r} holds a prompt, no rows.{nearest(name, known)} Formats with rows: {', '.join(known)}"
        )
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for path in paths:
        source = Source(path)
        told = found.rows(source) if found.rows else rows_of(found.log(source).records) if found.log else ()
        for number, values in enumerate(told, start=1):
            columns |= dict.fromkeys(values)
            rows.append(Row(dict(values), source.name, number))
    models = sorted({str(row.values["model"]) for row in rows if row.values.get("model")}) if found.log else []
    if one_model and len(models) > 1:
        raise DataError(
            f"{at}: the files hold calls of {', '.join(models)}; only one can be the source. `promptport init FOLDER "
            "--from FILE` writes the calls of one model"
        )
    return Table(", ".join(path.name for path in paths), tuple(rows), tuple(columns))


def joined(drafts: Sequence[Draft]) -> Draft:
    """What the first draft leaves open, the next one fills."""
    found, *others = drafts
    for other in others:
        found = _filled(found, other)
    return found


def _filled(found: Draft, other: Draft) -> Draft:
    changes: dict[str, Any] = {}
    for key in (one.name for one in fields(Draft)):
        mine, theirs = getattr(found, key), getattr(other, key)
        if key in ("todos", "lost", "suggested"):
            changes[key] = (*mine, *theirs)
        elif not mine and theirs and key not in (*_OF_ROWS, *_OF_THE_PROMPT):
            changes[key] = theirs
    takes = {key: getattr(other, key) for key in _OF_THE_PROMPT}
    if _stands_in(found) and (other.turns or other.program) and not _stands_in(other):
        changes |= takes | {"format": f"{other.format}, {found.format}"}
    elif not (found.turns or found.program):
        changes |= takes
    elif not _stands_in(found) and not _stands_in(other) and (other.turns or other.program):
        changes["lost"] = (*changes["lost"], f"the prompt of the {other.format} file: the first file has one itself")
    if other.rows and not found.rows:
        changes |= {key: getattr(other, key) for key in _OF_ROWS}
    elif other.rows:
        changes["lost"] = (*changes["lost"], f"{len(other.rows)} rows of the second file: the first has rows itself")
    return replace(found, **changes)


def _stands_in(draft: Draft) -> bool:
    return draft.format in {name for name, one in FORMATS.items() if one.log or one.rows}


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"no format is called {name!r}.{nearest(name, FORMATS)} Known: {', '.join(FORMATS)}")
    return FORMATS[name]


def _looks(found: Format, source: Source) -> bool:
    try:
        return found.looks(source)
    except DataError:
        return False


def _read_somehow(source: Source) -> None:
    if source.ending in (".pkl", ".pickle", ".joblib", ".pt"):
        raise DataError(f'{source.name}: pickles can run code, and are not read; of a DSPy program, save("state.json")')
    if source.ending in (".json", ".jsonl", ".ndjson"):
        _ = source.items
    elif source.ending in (".yaml", ".yml"):
        _ = source.yaml
    elif source.ending in (".prompt", ".prompty"):
        frontmatter.split(source)
    elif source.ending != ".parquet":
        _ = source.text
