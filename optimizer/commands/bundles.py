"""Commands on bundles: verify, sign, gate. As in `cli`, no logic lives here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from optimizer.commands.options import say, shows_errors


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), help="Public key (PEM) of the signature that the bundle must have."
)
@shows_errors
def verify(bundle: Path, key: Path | None) -> None:
    """Check that no byte of a bundle (a folder or its zip) has changed, and who signed it."""
    from optimizer.exporters.bundle.making import read_bundle

    found = read_bundle(bundle, key)
    say(f"{bundle}: {len(found.files)} files, all as written")
    if found.signed_by:
        trusted = "the key given" if key else "anyone may have signed it: name a key that you trust with --key"
        say(f"signed by {found.signed_by} ({trusted})")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="Private key (PEM); default: PROMPTPORT_SIGNING_KEY's.")
@click.option("--approver", metavar="NAME", help="Who approved the decision; noted in the bundle.")
@shows_errors
def sign(bundle: Path, key: Path | None, approver: str | None) -> None:
    """Sign a bundle's folder with an Ed25519 key, and write its zip again."""
    from optimizer.errors import ConfigError
    from optimizer.exporters.bundle.making import sign_bundle
    from optimizer.exporters.bundle.signing import KEY_VARIABLE, private_key

    private = private_key(key)
    if private is None:
        raise ConfigError(f"no private key: name its file with --key or in the environment variable {KEY_VARIABLE}")
    say(f"{bundle}: signed by {sign_bundle(bundle, private, approver=approver)}")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("task_file", type=click.Path(path_type=Path))
@click.option("--new", type=click.Path(path_type=Path), help="A data file with examples in place of the held-out ones.")
@click.option("--target", metavar="MODEL", help="Another of the task file's targets, in place of the bundle's.")
@click.option(
    "--key", type=click.Path(path_type=Path), help="Public key (PEM) of the signature that the bundle must have."
)
@click.option("--calls", type=click.IntRange(min=1), help="Make at most this many calls.")
@click.option("--dollars", type=click.FloatRange(min=0, min_open=True), help="Spend at most this much.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@shows_errors
def gate(
    bundle: Path,
    task_file: Path,
    new: Path | None,
    target: str | None,
    key: Path | None,
    calls: int | None,
    dollars: float | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Ask the target afresh and hold it against the bundle's thresholds: exit 0 kept, 10 broken, 11 inconclusive."""
    from optimizer.gate import gate as ask
    from optimizer.gate.junit import make_room, write_junit
    from optimizer.gate.telling import as_dict, as_text

    if junit:
        make_room(junit)
    result = ask(bundle, task_file, new=new, target=target, key=key, calls=calls, dollars=dollars)
    say(json.dumps(as_dict(result)) if as_json else as_text(result))
    if junit:  # last: a verdict that was paid for is told even where it cannot be written
        write_junit(junit, result)
    sys.exit(result.exit_code)
