"""What all commands share: how errors are shown, how to print and exit, options with a structure of their own."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import click

from optimizer.commands.stopping import stoppable

FAULTS = ("rate_limit", "error", "hang", "drop", "truncate", "impostor")


def shows_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """The one place where errors are shown: one message, no traceback, the error's own exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from optimizer.errors import OptimizerError

        signals: list[int] = []
        try:
            with stoppable(signals):
                return command(*args, **kwargs)
        except OptimizerError as error:
            say(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            number = next((sent for sent in signals if sent != signal.SIGINT), signal.SIGINT)
            said = "interrupted" if number == signal.SIGINT else "stopped"
            with suppress(OSError):  # a terminal that was closed hears nothing
                say(f"{said}; all answers so far are kept: run the same command again to go on", err=True)
            sys.exit(128 + number)

    return run


def say(text: object, *, err: bool = False) -> None:
    """Print text, which may come from data or models, without control characters and secrets.

    Raises ConfigError where standard output cannot be written, as on a full disk; a reader who has gone is click's.
    """
    from optimizer.errors import ConfigError
    from optimizer.progress.console import printable

    try:
        click.echo(printable(str(text)), err=err)
    except OSError as error:
        if err or error.errno == errno.EPIPE:
            raise
        with suppress(OSError, AttributeError):  # what is left in the buffer would fail once more at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        told = f"standard output cannot be written ({error.strerror}); what was done is kept"
        raise ConfigError(f"{told}: run the same command again") from error


def leave(require: str | None, verdict: str) -> None:
    if require:
        sys.exit({"migrate": 0, "stay": 10, "inconclusive": 11}[verdict])


def shares(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in given:
        kind, _, share = text.partition("=")
        if kind not in FAULTS:
            raise click.BadParameter(f"{kind!r} is not a fault; known: {', '.join(FAULTS)}")
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
