"""Which format a file has, by its content."""

from __future__ import annotations

from optimizer.errors import DataError
from optimizer.importers.formats import table
from optimizer.importers.parsing import frontmatter
from optimizer.importers.parsing.files import Source
from optimizer.importers.registry import FORMATS
from optimizer.importers.values import Format


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
