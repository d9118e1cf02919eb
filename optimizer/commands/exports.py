"""`promptport export`: the winner in the form that production reads. As in `cli`, no logic lives here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from optimizer.commands.options import say, shows_errors


@click.command()
@click.argument("run_or_bundle", type=click.Path(path_type=Path))
@click.option("--as", "form", required=True, metavar="NAME", help="See promptport list exporters.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: RUN/exports/NAME, or beside the bundle.")
@click.option("--target", metavar="MODEL", help="Which target, if the run has several.")
@click.option(
    "--allow-contract-change",
    is_flag=True,
    help="Export for replies read without the contract's parser, if the verdict stays the same.",
)
@click.option("--share", metavar="SHARE", help="For --as gateway: shadow, or the target's percentage. Default: 1%.")
@shows_errors
def export(run_or_bundle: Path, form: str, out: Path | None, target: str | None, **wishes: Any) -> None:
    """Write the winner of a run, or of a bundle (folder or zip), as another tool reads it. No key, no network."""
    from optimizer.exporters.registry import default_folder, write_export
    from optimizer.exporters.registry import export as made_as
    from optimizer.exporters.shipment import open_shipment

    shipment = open_shipment(run_or_bundle, target)
    made = made_as(shipment, form, **wishes)
    for path in write_export(made, out or default_folder(run_or_bundle, shipment, form)):
        say(path)
    for note in made.notes:
        say(f"note: {note}", err=True)
