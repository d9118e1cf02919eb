"""The command line: parse, call one function, print. No logic lives here.

Exit codes: 0 done · 2 the task, the data or the directory is wrong · 3 a model or the search failed · 4 the budget is
used · 5 the key's budget at a gateway or provider is used up · 6 tasks of a fleet failed · 10 and 11 only with
--require (the verdict is "stay", or "inconclusive") and from gate · 130 interrupted · 143 terminated ·
129 the terminal was closed.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from optimizer import __version__
from optimizer.commands.beginning import init
from optimizer.commands.bundles import gate, sign, verify
from optimizer.commands.exports import export
from optimizer.commands.finished import compare, report, rescore, results, review
from optimizer.commands.fleets import LOST_TASKS, dashboard, fleet, status, track
from optimizer.commands.options import FAULTS, leave, say, shares, shows_errors


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="promptport")
def main() -> None:
    """Move an application's prompts from one language model to another, and know whether they still work."""
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show becomes a question mark, not a traceback
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # LiteLLM leaves these behind when calls under way are cancelled, after an error or Ctrl-C.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)


@main.command()
@click.argument("task_file", metavar="TASK_FILE_OR_FOLDER", type=click.Path(path_type=Path))
@shows_errors
def check(task_file: Path) -> None:
    """Read everything, ask no model; print what to expect, of one task or of every task of a fleet."""
    from optimizer.connect import preflight
    from optimizer.fleet import check_fleet
    from optimizer.planning.plan import plan
    from optimizer.report.summary import expectation
    from optimizer.task import load_task

    if task_file.is_dir():
        found = check_fleet(task_file)
        say("\n".join(found.lines))
        sys.exit(LOST_TASKS if found.lost else 0)
    planned = plan(load_task(task_file), strict=True)
    say(expectation(planned))
    for note in preflight(planned.task.settings, recorded=planned.task.recorded is not None, ask_provider=True):
        say(f"note: {note}")


@main.command()
@click.argument("task_file", type=click.Path(path_type=Path))
@click.option("--run-dir", type=click.Path(path_type=Path), help="Default: runs/NAME beside the task file.")
@click.option("--require", type=click.Choice(["migrate"]), help="Exit 10 on stay, 11 on inconclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, nothing else.")
@click.option("--target", "target", metavar="MODEL", help="Instead of the task file's; in runs/NAME-MODEL.")
@click.option("--log", type=click.Choice(["text", "json"]), default="text", help="json: one object a line, on stderr.")
@click.option("--trace", is_flag=True, help="OpenTelemetry spans of the run and its calls; see OTEL_* variables.")
@shows_errors
def run(task_file: Path, run_dir: Path | None, as_json: bool, target: str | None, **options: Any) -> None:
    """Migrate: record the source, search, confirm, decide. Run again to go on where a run was cut off."""
    from contextlib import nullcontext

    from optimizer.connect import preflight
    from optimizer.importers.standin import refuse_standins
    from optimizer.operations.tracing import traced
    from optimizer.pipeline import migrate
    from optimizer.report.summary import outcome, outcome_json
    from optimizer.results.rundir import slug
    from optimizer.task import load_task, with_target

    task = load_task(task_file)
    task = with_target(task, target) if target else task
    folder = run_dir or task.folder / "runs" / (f"{task.name}-{slug(target)}" if target else task.name)
    refuse_standins(task.examples, str(task_file))
    preflight(task.settings, recorded=task.recorded is not None)
    tracing = traced(task.name) if options["trace"] else nullcontext(lambda model: model)
    with _watcher(quiet=as_json, log=options["log"], name=task.name) as watch, tracing as around:
        migration = migrate(task, folder, watch=watch, around=around)
    say(json.dumps(outcome_json(migration, folder)) if as_json else outcome(migration, folder))
    if migration.incomplete:
        raise migration.incomplete
    leave(options["require"], outcome_json(migration, folder)["verdict"])


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--wait", is_flag=True, help="Really wait as long as the simulated models would take.")
@click.option("--fault", multiple=True, metavar="KIND=SHARE", callback=shares, help=f"Kinds: {', '.join(FAULTS)}.")
@click.option("--seed", default=0, show_default=True, help="Decides which requests meet a fault.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--rpm", type=float, help="Refuse more requests per minute and model (HTTP 429).")
@click.option("--tpm", type=float, help="Refuse more tokens per minute and model.")
@shows_errors
def serve(port: int, wait: bool, fault: dict[str, float], seed: int, host: str, **limits: float | None) -> None:
    """Serve the offline models as an OpenAI-compatible endpoint on this machine only."""
    from optimizer.offline.serving.server import Faults, Quota
    from optimizer.offline.serving.server import serve as serve_models

    def ready(server: Any) -> None:
        say(f"serving simulated models at {server.url} (Ctrl-C stops)")

    faults, quota = Faults(**fault, seed=seed), Quota(**limits)  # type: ignore[arg-type]
    serve_models(port, host=host, wait=wait, faults=faults, quota=quota, ready=ready)


@main.command(name="list")
@click.argument(
    "kind",
    type=click.Choice(["metrics", "rubrics", "spaces", "optimizers", "models", "examples", "exporters", "importers"]),
)
@shows_errors
def list_(kind: str) -> None:
    """List metrics, judges' rubrics, spaces, optimizers of programs, offline models, examples, formats; by name."""
    from optimizer.exporters.registry import names
    from optimizer.importers import names as formats
    from optimizer.report.summary import names_of

    outside = {"exporters": names, "importers": formats}
    for name, words in outside[kind]() if kind in outside else names_of(kind):
        say(f"{name:28} {words}".rstrip())


_FINISHED = (compare, rescore, results, review, report)
for _command in (init, *_FINISHED, verify, sign, gate, export, fleet, status, dashboard, track):
    main.add_command(_command)


def _watcher(*, quiet: bool, log: str, name: str) -> Any:
    from optimizer.operations.events import Events
    from optimizer.progress.console import Lines, Live

    if log == "json":
        return Events(lambda line: click.echo(line, err=True), name)
    if quiet:
        return Lines(lambda line: click.echo(line, err=True))
    if sys.stdout and sys.stdout.isatty():  # None where it was closed
        from rich.console import Console

        return Live(Console())
    return Lines(say)


if __name__ == "__main__":
    main()
