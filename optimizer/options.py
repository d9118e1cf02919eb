"""Options of the command line that are more than one word or number."""

from __future__ import annotations

import click

FAULTS = ("rate_limit", "error", "hang", "drop", "truncate", "impostor")


def shares(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in given:
        kind, _, share = text.partition("=")
        if kind not in FAULTS:
            raise click.BadParameter(f"{kind!r} is no fault; known: {', '.join(FAULTS)}")
        try:
            found[kind] = float(share)
        except ValueError:
            raise click.BadParameter(f"{text!r}: write KIND=SHARE with a share from 0 to 1, as in error=0.05") from None
    return found


def columns(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    named = {}
    for text in given:
        key, found, column = text.partition("=")
        if not (key and found and column):
            raise click.BadParameter(f"{text!r}: write KEY=COLUMN, as in latency=seconds or target.cost=dollars")
        named[key] = column
    return named
