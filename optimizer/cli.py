"""The command line: parse, call one function, print. No logic lives here.

Exit codes: 0 done · 2 the task, the data or the directory is wrong · 3 a model or the search failed · 4 the budget is
used · 10 and 11 only with --require (the verdict is "stay", or "inconclusive") · 130 interrupted.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from optimizer import __version__
from optimizer.options import FAULTS, columns, shares


def shows_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """The one place where errors are shown: one message, no traceback, the error's own exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from optimizer.errors import OptimizerError

        try:
            return command(*args, **kwargs)
        except OptimizerError as error:
            say(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            say("interrupted; all answers so far are kept: run the same command again to go on", err=True)
            sys.exit(130)

    return run


def say(text: object, *, err: bool = False) -> None:
    """What data, models and task files say is printed without control characters and secrets."""
    from optimizer.console import printable

    click.echo(printable(str(text)), err=err)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="promptport")
def main() -> None:
    """Move an application's prompts from one language model to another, and know whether they still work."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a character gets a question mark, no traceback
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # LiteLLM leaves these behind when calls under way are cancelled, after an error or Ctrl-C.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--example", default="triage", show_default=True, help="Which worked example to copy.")
@shows_errors
def init(folder: Path, example: str) -> None:
    """Write a commented task file with data into FOLDER, ready to run."""
    from optimizer.examples import copy_example

    task = copy_example(example, folder)
    say(f"wrote {task}\nnext: promptport check {task}")


@main.command()
@click.argument("task_file", type=click.Path(path_type=Path))
@shows_errors
def check(task_file: Path) -> None:
    """Read everything, ask no model; print sizes, calls and dollars to expect."""
    from optimizer.connect import preflight
    from optimizer.plan import plan
    from optimizer.summary import expectation
    from optimizer.task import load_task

    planned = plan(load_task(task_file), strict=True)
    say(expectation(planned))
    preflight(planned.task.settings, recorded=planned.task.recorded is not None)


@main.command()
@click.argument("task_file", type=click.Path(path_type=Path))
@click.option("--run-dir", type=click.Path(path_type=Path), help="Default: runs/NAME beside the task file.")
@click.option("--require", type=click.Choice(["migrate"]), help="Exit 10 on stay, 11 on inconclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
@click.option("--target", "target", metavar="MODEL", help="Instead of the task file's; in runs/NAME-MODEL.")
@shows_errors
def run(task_file: Path, run_dir: Path | None, require: str | None, as_json: bool, target: str | None) -> None:
    """Migrate: record the source, search, confirm, decide. Run again to go on where a run was cut off."""
    from optimizer.connect import preflight
    from optimizer.pipeline import migrate
    from optimizer.rundir import slug
    from optimizer.summary import outcome, outcome_json
    from optimizer.task import load_task, with_target

    task = load_task(task_file)
    task = with_target(task, target) if target else task
    folder = run_dir or task.folder / "runs" / (f"{task.name}-{slug(target)}" if target else task.name)
    preflight(task.settings, recorded=task.recorded is not None)
    with _watcher(quiet=as_json) as watch:
        migration = migrate(task, folder, watch=watch)
    say(json.dumps(outcome_json(migration, folder)) if as_json else outcome(migration, folder))
    _leave(require, outcome_json(migration, folder)["verdict"])


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", metavar="MODEL", help="The model in use; its name finds its price.")
@click.option("--target", multiple=True, metavar="MODEL", help="The model that may take its place.")
@click.option("--source-output", metavar="COLUMN", help="The source's replies.")
@click.option("--target-output", metavar="COLUMN", help="The target's replies.")
@click.option("--model-column", metavar="COLUMN", help="Names the model, where each row is one model's.")
@click.option("--id", "identity", metavar="COLUMN", help="The example's id, which joins rows.")
@click.option("--expected", metavar="COLUMN", help="The gold answers.")
@click.option("--metric", multiple=True, metavar="NAME", help="See promptport list metrics.")
@click.option(
    "--column",
    multiple=True,
    metavar="KEY=COLUMN",
    callback=columns,
    help="output, latency, input_tokens, output_tokens, cost, finish, score: of all sides, or of one (target.cost).",
)
@click.option("--margin", type=float, help="How much worse is still good enough; 0.05 is 5 points.")
@click.option("--confidence", type=float)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to. Default: FILE-comparison.")
@click.option("--require", type=click.Choice(["migrate"]), help="Exit 10 on stay, 11 on inconclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def compare(file: Path, out: Path | None, require: str | None, as_json: bool, **options: Any) -> None:
    """The verdict on outputs recorded elsewhere: FILE is the data, or a comparison file. Asks no model."""
    from optimizer.compare import compare, write_comparison
    from optimizer.recorded import as_sections, load_recording
    from optimizer.summary import outcome, outcome_json

    folder = out or file.parent / f"{file.stem}-comparison"
    migration = compare(load_recording(file, as_sections(**options)))
    write_comparison(migration, folder)
    say(json.dumps(outcome_json(migration, folder)) if as_json else outcome(migration, folder))
    _leave(require, outcome_json(migration, folder)["verdict"])


def _leave(require: str | None, verdict: str) -> None:
    if require:
        sys.exit({"migrate": 0, "stay": 10, "inconclusive": 11}[verdict])


@main.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@shows_errors
def report(run_dir: Path) -> None:
    """Write the report of a finished run again; needs no key and no network."""
    from optimizer.outlets import publish
    from optimizer.rundir import RunDir

    found = RunDir.read(run_dir)
    for lost in publish(found.migration(), found):
        say(lost, err=True)
    say(found.report)


@main.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--weights", multiple=True, metavar="KEY=NUMBER,...", help="quality, cost, latency; may be repeated.")
@click.option("--constraint", "constraints", multiple=True, metavar="KEY=NUMBER", help="In place of the run's.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="In place of the run's.")
@click.option("--margin", type=float)
@click.option("--confidence", type=float)
@click.option("--task", type=click.Path(path_type=Path), help="Objective, constraints, metrics, decision of this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def rescore(run_dir: Path, as_json: bool, **wishes: Any) -> None:
    """A finished run under other weights, constraints, margins or metrics, from stored answers. Asks no model."""
    from optimizer.report.rescored import as_dict, as_text, under, write_rescored
    from optimizer.rundir import RunDir

    migration = RunDir.read(run_dir).migration()
    outcomes, studies = under(migration, **wishes)
    page = write_rescored(run_dir / "rescored", migration, outcomes, studies)
    say(
        json.dumps(as_dict(migration, outcomes, studies))
        if as_json
        else f"{as_text(outcomes, studies)}\npage     {page}"
    )


@main.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@shows_errors
def verify(bundle: Path) -> None:
    """Check that no byte of a bundle has changed."""
    from optimizer.exporters.bundle import verify_bundle

    say(f"{bundle}: {verify_bundle(bundle)} files, all as written")


@main.command()
@click.option("--port", default=8765, show_default=True, help="0 takes a free one.")
@click.option("--wait", is_flag=True, help="Really wait as long as the simulated models would take.")
@click.option("--fault", multiple=True, metavar="KIND=SHARE", callback=shares, help=f"Kinds: {', '.join(FAULTS)}.")
@click.option("--seed", default=0, show_default=True, help="Of the faults.")
@shows_errors
def serve(port: int, wait: bool, fault: dict[str, float], seed: int) -> None:
    """Serve the offline models as an OpenAI-compatible endpoint on this machine only."""
    from optimizer.offline.server import Faults
    from optimizer.offline.server import serve as serve_models

    def ready(server: Any) -> None:
        say(f"serving simulated models at {server.url} (Ctrl-C stops)")

    serve_models(port, wait=wait, faults=Faults(**fault, seed=seed), ready=ready)


@main.command(name="list")
@click.argument("kind", type=click.Choice(["metrics", "spaces", "optimizers", "models", "examples"]))
@shows_errors
def list_(kind: str) -> None:
    """What goes by a name: metrics, search spaces, program optimizers, offline models, examples."""
    from optimizer.summary import names_of

    for name, words in names_of(kind):
        say(f"{name:28} {words}".rstrip())


def _watcher(*, quiet: bool) -> Any:
    from optimizer.console import Lines, Live

    if quiet:
        return Lines(lambda line: click.echo(line, err=True))
    if sys.stdout.isatty():
        from rich.console import Console

        return Live(Console())
    return Lines(click.echo)


if __name__ == "__main__":
    main()
