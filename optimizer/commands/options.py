"""What all commands share: how errors are shown, how is spoken and left, options of more than one word."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

FAULTS = ("rate_limit", "error", "hang", "drop", "truncate", "impostor")


def shows_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """The one place where errors are shown: one message, no traceback, the error's own exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from optimizer.errors import OptimizerError

        signals: list[int] = []
        try:
            with _stoppable(signals):
                return command(*args, **kwargs)
        except OptimizerError as error:
            say(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            said, code = ("stopped", 143) if signals else ("interrupted", 130)
            say(f"{said}; all answers so far are kept: run the same command again to go on", err=True)
            sys.exit(code)

    return run


@contextmanager
def _stoppable(came: list[int]) -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: what is open is closed, what was answered is kept. `came`: the signals."""
    if threading.current_thread() is not threading.main_thread():  # elsewhere Python allows no handlers
        yield
        return

    def stop(number: int, _frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(text: object, *, err: bool = False) -> None:
    """What data, models and task files say is printed without control characters and secrets."""
    from optimizer.progress.console import printable

    click.echo(printable(str(text)), err=err)


def leave(require: str | None, verdict: str) -> None:
    if require:
        sys.exit({"migrate": 0, "stay": 10, "inconclusive": 11}[verdict])


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
