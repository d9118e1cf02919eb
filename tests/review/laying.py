"""A finished run whose held-out answers are what a test needs, and a reviewer who fills in its sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner, Result

from optimizer.cli import main
from optimizer.objective import Evaluation
from optimizer.results.migration import Migration
from optimizer.results.rundir import RunDir
from optimizer.types import Output, Score
from tests.conftest import Walked

#: Twelve of the 60 held-out examples differ; the last has no answer on the target's side.
DIFFER = 12
Texts = Callable[[int], tuple[str, str]]
Row = dict[str, str]


def migration(walked: Walked, texts: Texts | None = None, lost: int = 1) -> Migration:
    """`texts`: of source and target at the n-th held-out example. The metric has the target ahead on every third."""
    found = walked.migration
    [result] = found.targets
    met, said = result.confirmation, texts or plain
    ids = [output.example_id for output in met.source.outputs]
    sides = []
    for side in (0, 1):
        outputs = tuple(Output(name, said(n)[side]) for n, name in enumerate(ids))
        if side:
            failed = (replace(output, status="failed", text="", error="gone") for output in outputs[-lost:])
            outputs = (*outputs[:-lost], *failed)
        scores = tuple(Score(1.0 if (n % 3 == 0) == bool(side) else 0.0) for n in range(len(ids)))
        sides.append(Evaluation(outputs, scores))
    confirmation = replace(met, source=sides[0], winner=sides[1])
    return replace(found, targets=(replace(result, confirmation=confirmation),))


def plain(n: int) -> tuple[str, str]:
    return (f"old words {n}", f"new words {n}") if n < DIFFER else ("equal", " equal\n")


def written(walked: Walked, folder: Path, texts: Texts | None = None, lost: int = 1) -> Path:
    """The run directory."""
    run = RunDir(walked.copy(folder))
    run.write(migration(walked, texts, lost))
    return run.path


def command(*words: object) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, words)])


def sheet(run: Path, out: Path, *words: object) -> list[Row]:
    ran = command(run, "--out", out, *words)
    assert ran.exit_code == 0, ran.output
    return rows(out.read_bytes())


def rows(data: bytes, delimiter: str = ",") -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def fill(row: Row, **said: str) -> Row:
    """`said`: by the first word of a column, with _ for a space."""
    named = {name.partition(" (")[0]: name for name in row}
    return row | {named[name.replace("_", " ")]: text for name, text in said.items()}


def as_csv(filled: Sequence[Mapping[str, str]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(filled[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(filled)
    return text.getvalue()


def target_is(row: Row) -> str:
    """A or B; known to the test alone, by its words."""
    return "A" if row["answer A"].startswith("new") else "B"
