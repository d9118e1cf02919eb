"""The command that begins a task, from a worked example or from files of other tools. No logic lives here."""

from __future__ import annotations

from pathlib import Path

import click

from optimizer.commands.options import say, shows_errors


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--example", default="triage", show_default=True, help="Which worked example to copy.")
@click.option(
    "--from",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Another tool's prompt or log instead. May be repeated, as for a prompt and its examples; the first wins.",
)
@click.option("--as", "named", metavar="NAME", help="The first file's format, if its content does not show it.")
@click.option("--prompt", metavar="NAME", help="Which prompt, by name or number, if the file has several.")
@click.option("--source", metavar="MODEL", help="The model in use, if the file does not name it.")
@click.option("--target", metavar="MODEL", help="The model to move to.")
@shows_errors
def init(
    folder: Path, example: str, files: tuple[Path, ...], named: str | None, prompt: str | None, **models: str | None
) -> None:
    """Write a commented task file with data into FOLDER: a worked example, or what another tool's files say."""
    if not files:
        from optimizer.examples import copy_example

        task = copy_example(example, folder)
        say(f"wrote {task}\nnext: promptport check {task}")
        return
    from optimizer.importers import import_files
    from optimizer.importers.values import Wish
    from optimizer.importers.writing import told, write_task
    from optimizer.task import load_task

    draft = import_files(files, named=named, wish=Wish(prompt))
    origin = " and ".join(path.name or str(path) for path in files)
    say(told(write_task(draft, folder, origin, load_task, **models)))
