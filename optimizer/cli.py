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

FAULTS = ("rate_limit", "error", "hang", "drop", "truncate", "impostor")


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
    if require:
        sys.exit({"migrate": 0, "stay": 10, "inconclusive": 11}[outcome_json(migration, folder)["verdict"]])


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
@click.argument("bundle", type=click.Path(path_type=Path))
@shows_errors
def verify(bundle: Path) -> None:
    """Check that no byte of a bundle has changed."""
    from optimizer.exporters.bundle import verify_bundle

    say(f"{bundle}: {verify_bundle(bundle)} files, all as written")


def _shares(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    shares = {}
    for text in given:
        kind, _, share = text.partition("=")
        if kind not in FAULTS:
            raise click.BadParameter(f"{kind!r} is no fault; known: {', '.join(FAULTS)}")
        try:
            shares[kind] = float(share)
        except ValueError:
            raise click.BadParameter(f"{text!r}: write KIND=SHARE with a share from 0 to 1, as in error=0.05") from None
    return shares


@main.command()
@click.option("--port", default=8765, show_default=True, help="0 takes a free one.")
@click.option("--wait", is_flag=True, help="Really wait as long as the simulated models would take.")
@click.option("--fault", multiple=True, metavar="KIND=SHARE", callback=_shares, help=f"Kinds: {', '.join(FAULTS)}.")
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
