"""Commands on recorded outputs and finished runs. As in `cli`, no logic lives here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from optimizer.commands.options import columns, leave, say, shows_errors


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", metavar="MODEL", help="The model in use; its price is looked up by this name.")
@click.option("--target", multiple=True, metavar="MODEL", help="The model that is to replace it.")
@click.option("--source-output", metavar="COLUMN", help="The source's replies.")
@click.option("--target-output", metavar="COLUMN", help="The target's replies.")
@click.option("--model-column", metavar="COLUMN", help="The model's name, if each row is of one model.")
@click.option("--id", "identity", metavar="COLUMN", help="The example's id, by which rows are joined.")
@click.option("--expected", metavar="COLUMN", help="The gold answers.")
@click.option("--metric", multiple=True, metavar="NAME", help="See promptport list metrics.")
@click.option(
    "--column",
    multiple=True,
    metavar="KEY=COLUMN",
    callback=columns,
    help="output, latency, input_tokens, output_tokens, cost, finish, score; of both sides, or of one (target.cost).",
)
@click.option(
    "--scale", type=(float, float), metavar="LOW HIGH", help="Of the column `score`, as in 1 10. Default: 0 1."
)
@click.option("--margin", type=float, help="How much worse is still good enough: 0.05 is 5 points.")
@click.option("--confidence", type=float)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to. Default: FILE-comparison.")
@click.option("--require", type=click.Choice(["migrate"]), help="Exit 10 on stay, 11 on inconclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def compare(file: Path, out: Path | None, require: str | None, as_json: bool, **options: Any) -> None:
    """The verdict on outputs recorded elsewhere: FILE is the data, or a comparison file. Asks no model."""
    from optimizer.compare import compare, write_comparison
    from optimizer.config.options import as_sections
    from optimizer.recorded import load_recording
    from optimizer.report.summary import outcome, outcome_json

    folder = out or file.parent / f"{file.stem}-comparison"
    migration = compare(load_recording(file, as_sections(**options)))
    write_comparison(migration, folder)
    say(json.dumps(outcome_json(migration, folder)) if as_json else outcome(migration, folder))
    leave(require, outcome_json(migration, folder)["verdict"])


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--weights", multiple=True, metavar="KEY=NUMBER,...", help="quality, cost, latency; may be repeated.")
@click.option("--constraint", "constraints", multiple=True, metavar="KEY=NUMBER", help="In place of the run's.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="In place of the run's.")
@click.option("--margin", type=float)
@click.option("--confidence", type=float)
@click.option(
    "--task", type=click.Path(path_type=Path), help="Take objective, constraints, metrics and decision from this file."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def rescore(run_dir: Path, as_json: bool, **wishes: Any) -> None:
    """A finished run under other weights, constraints, margins or metrics, from stored answers. Asks no model."""
    from optimizer.report.rescored import as_dict, as_text, under, write_rescored
    from optimizer.results.rundir import RunDir

    migration = RunDir.read(run_dir).migration()
    outcomes, studies = under(migration, **wishes)
    page = write_rescored(run_dir / "rescored", migration, outcomes, studies)
    say(
        json.dumps(as_dict(migration, outcomes, studies))
        if as_json
        else f"{as_text(outcomes, studies)}\npage     {page}"
    )


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--as", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Default: RUN/results.")
@click.option("--notebook", is_flag=True, help="Also write a notebook that studies the run's objective.")
@shows_errors
def results(run_dir: Path, form: Any, out: Path | None, notebook: bool) -> None:
    """Trials, answers and held-out answers of a run as tidy tables."""
    from optimizer.examples import copy_notebook
    from optimizer.results.rundir import RunDir
    from optimizer.results.tidy import write_tables

    folder = out or run_dir / "results"
    for path in write_tables(RunDir.read(run_dir).migration(), folder, form):
        say(path)
    if notebook:
        say(copy_notebook(folder))


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.argument("sheets", nargs=-1, metavar="[SHEET]...", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to write a sheet. Default: RUN/review.csv.")
@click.option("--sample", "number", metavar="N", type=click.IntRange(min=1), help="So many examples. Default: all.")
@click.option("--scale", type=(float, float), metavar="LOW HIGH", help="Of the marks. Default: 1 5.")
@click.option("--separator", type=click.Choice([",", ";"]), help="Of columns; some spreadsheets expect ';'.")
@click.option("--target", metavar="MODEL", help="Where the run has several.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def review(run_dir: Path, sheets: tuple[Path, ...], out: Path | None, as_json: bool, **wishes: Any) -> None:
    """Have people judge the held-out answers, blind: without SHEET write one, with filled ones say what they say."""
    from optimizer.errors import ConfigError
    from optimizer.report.reviewed import as_text, read_back
    from optimizer.results.rundir import RunDir
    from optimizer.review import marks
    from optimizer.review.kept import as_dict, path_of
    from optimizer.review.sheet import Plan, write_sheet

    run, wished = RunDir.read(run_dir), {name: value for name, value in wishes.items() if value is not None}
    if not sheets:
        say(write_sheet(run, out or run_dir / "review.csv", Plan(**wished)))
        return
    if out or wished:
        raise ConfigError("filled sheets are read back by themselves; --out, --sample and the like are for writing one")
    found, notes = read_back(run, sheets)
    marks.keep(run, found)
    kept = str(marks.path_of(run)) if marks.levels(found) else None
    told = {"review": str(path_of(run)), "marks": kept, "targets": as_dict(found)}
    say(json.dumps(told) if as_json else f"{as_text(run, found)}{marks.told(run, found)}")
    for note in notes:
        say(f"note: {note}", err=True)


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@shows_errors
def report(run_dir: Path) -> None:
    """Write the report of a finished run again; needs no key and no network."""
    from optimizer.outlets import publish
    from optimizer.results.rundir import RunDir

    found = RunDir.read(run_dir)
    for lost in publish(found.migration(), found):
        say(lost, err=True)
    say(found.report)
