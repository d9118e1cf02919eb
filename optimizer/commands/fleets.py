"""Commands on many tasks, and on runs in another process. As in `cli`, no logic lives here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from optimizer.commands.options import say, shows_errors

LOST_TASKS = 6  # exit code: the fleet has ended, and some of its tasks failed


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Default: FOLDER/runs/fleet.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object at the end.")
@shows_errors
def fleet(folder: Path, out: Path | None, as_json: bool) -> None:
    """Run every task below FOLDER as one batch with one budget (fleet.yaml). Run again to go on."""
    from optimizer.fleet import home_of, run_fleet

    ended = run_fleet(folder, out, told=lambda line: say(line, err=as_json))
    page = (out or home_of(folder)) / "fleet.html"
    lost = [name for name, entry in ended.items() if entry.error]
    told = json.loads(page.with_suffix(".json").read_text("utf-8"))
    if as_json:
        say(json.dumps(told))
    else:
        for name in lost:
            say(f"failed   {name}: {ended[name].error}")
        spent, wasted = f"${told['dollars']:.4f} in {told['calls']:,} calls", told["wasted"]
        if wasted["calls"]:
            spent += (
                f", and {wasted['calls']:,} that came to nothing, which may be billed: ${wasted['dollars']:.4f} at most"
            )
        say(f"{len(ended) - len(lost)} of {len(ended)} tasks are through; {spent}\npage     {page}")
    sys.exit(LOST_TASKS if lost else 0)


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def status(run_dir: Path, as_json: bool) -> None:
    """Where a run is, or a fleet: state, spend, best so far, time left, verdicts. Only reads, from any terminal."""
    from optimizer.fleet import status as fleets
    from optimizer.operations import status as runs

    tasks = None if (run_dir / "manifest.json").exists() else fleets.runs_of(run_dir)
    if tasks is None:
        found = runs.status_of(run_dir)
        say(json.dumps(found) if as_json else runs.as_text(found))
    else:
        found = fleets.status_of_fleet(tasks)
        say(json.dumps(found) if as_json else fleets.as_text(found))


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@shows_errors
def dashboard(run_dir: Path, port: int) -> None:
    """Show the trials of a run, also of one under way, in optuna-dashboard on this machine only (Ctrl-C stops)."""
    from optimizer.operations.dashboard import show

    show(run_dir, port)


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--uri", help="The tracking server or store. Default: MLFLOW_TRACKING_URI.")
@click.option("--experiment", help="Default: the task's name.")
@shows_errors
def track(run_dir: Path, uri: str | None, experiment: str | None) -> None:
    """Log a finished run to MLflow: parameters, metrics, trials, report."""
    from optimizer.operations.tracking import track

    for number in track(run_dir, uri=uri, experiment=experiment):
        say(number)
