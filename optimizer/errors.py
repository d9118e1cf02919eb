"""Every error that this package raises on purpose.

OptimizerError
├── ConfigError        the task file, or an argument, is wrong                        exit 2
├── DataError          the examples cannot be used                                    exit 2
├── PluginError        a name or `module:attribute` does not lead to a plug-in        exit 2
├── RunDirError        the run directory belongs to another task, or is damaged       exit 2
│   └── StoppedError       what it keeps is closed: the run was told to stop          exit 2
├── ExportError        a format cannot hold this prompt faithfully                    exit 2
├── ModelError         a model call failed; `.retryable` says whether to try again    exit 3
│   └── CreditExhausted    the key's budget at the gateway or provider is used up     exit 5
├── SearchError        the search ended without a candidate                           exit 3
└── BudgetExceeded     the run reached its limit of dollars, calls, tokens, minutes   exit 4

A failing *example* is data (`Output.error`), never an exception: only what makes going on pointless is
raised. Texts say where, what was found, and the way out. Errors of other libraries are translated at
their one door, with `from`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

_NOT_THEIRS = (str(Path(__file__).parent), str(Path(importlib.__file__).parents[1]), "<")  # ours, and Python's own


class OptimizerError(Exception):
    """Base of all errors raised by this package; `exit_code` is what the command line returns."""

    exit_code: ClassVar[int] = 2


class ConfigError(OptimizerError):
    """The task file, or an argument, is wrong."""


class DataError(OptimizerError):
    """The examples cannot be used."""


class PluginError(OptimizerError):
    """A plug-in cannot be found, or is not of its kind."""


class RunDirError(OptimizerError):
    """The run directory belongs to another task or format, or is damaged."""


class StoppedError(RunDirError):
    """The run was told to stop: what it keeps is closed, for those too who were still asking."""


class ExportError(OptimizerError):
    """A format cannot hold this prompt faithfully."""


class ModelError(OptimizerError):
    """A model call failed.

    `retryable`: the same request may succeed later. `status`: the HTTP status, where there was one.
    `retry_after`: seconds that the server asked to wait. `refused`: the provider answered by declining
    (content filter, context length): that is a fact about the example, not about the system.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        model: str,
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
        refused: bool = False,
    ) -> None:
        super().__init__(f"{model}: {message}")
        self.model = model
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after
        self.refused = refused

    @property
    def said(self) -> str:
        """The message without the model's name before it."""
        return str(self).removeprefix(f"{self.model}: ")


class CreditExhausted(ModelError):
    """The key's budget at the gateway, or the account's credit at the provider, is used up.

    Nothing that is asked with this key will be answered, so the run stops, whatever asked. All answers so far are
    kept: the same command goes on once there is money again.
    """

    exit_code = 5


class SearchError(OptimizerError):
    """The search ended without a candidate."""

    exit_code = 3


class BudgetExceeded(OptimizerError):
    """The run reached its limit of dollars, calls, tokens or minutes."""

    exit_code = 4


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for a misspelt name, or nothing; to be put behind an error's first sentence."""
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def raised_at(error: BaseException) -> str:
    """`, at mine.py:12`, to be put behind what code from outside raised; nothing where its file is not known.

    The deepest line of the first of their own files on the way: a team knows it, and no file of a library.
    """
    lines, step = list[tuple[str, int]](), error.__traceback__
    while step:
        lines.append((step.tb_frame.f_code.co_filename, step.tb_lineno))
        step = step.tb_next
    theirs = [(file, line) for file, line in lines if not file.startswith(_NOT_THEIRS) and "-packages" not in file]
    deepest = [line for file, line in theirs if file == theirs[0][0]]
    return f", at {Path(theirs[0][0]).name}:{deepest[-1]}" if theirs else ""
