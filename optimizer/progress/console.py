"""What a run looks like in a terminal: one live line, or plain lines where there is no terminal.

Model output and data are untrusted here as well: what is printed is stripped of control characters and markup.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from optimizer.progress.progress import Progress
from optimizer.redact import redact

if TYPE_CHECKING:
    from rich.console import Console

_QUIET = 5.0  # seconds between two plain lines of the same stage
_TITLES = {"baseline": "asking the source", "search": "searching", "confirm": "confirming", "done": "done"}


def harmless(text: str, width: int = 1000) -> str:
    """One line without control characters, cut to `width`."""
    line = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return line if len(line) <= width else f"{line[:width]} ..."


def printable(text: str) -> str:
    """Text of several lines without control characters and secrets, each line as long as it is."""
    lines = redact(text).splitlines()
    return "\n".join("".join(char for char in line if char.isprintable()) for line in lines)


class Lines:
    """Plain lines, for logs and pipes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._stage = ""
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.text:
            self._write(f"  {harmless(redact(progress.text))}")
            return
        now, stage = time.monotonic(), f"{progress.stage} {progress.target}"
        if stage != self._stage or now - self._at > _QUIET or progress.done >= progress.total:
            if (stage, progress.done) != (self._stage, 0.0):
                self._write(describe(progress))
            self._stage, self._at = stage, now

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Live:
    """One line that moves: stage, bar, calls, dollars, best so far, time left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._tasks: dict[str, object] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.text:
            line = f"  {harmless(redact(progress.text))}"
            self._console.print(line, markup=False, highlight=False, style="dim", soft_wrap=True)
            return
        name = harmless(f"{_TITLES[progress.stage]} {progress.target}", 100)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=progress.total or None, figures="")
        self._bars.update(
            self._tasks[name],  # type: ignore[arg-type]
            completed=progress.done,
            total=progress.total or None,
            figures=_figures(progress),
        )

    def __enter__(self) -> Live:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()


def describe(progress: Progress) -> str:
    share = f"{progress.done:,.0f}/{progress.total:,.0f}" if progress.total else ""
    parts = (_TITLES[progress.stage], harmless(progress.target, 100), share, _figures(progress))
    return " ".join(part for part in parts if part)


def _figures(progress: Progress) -> str:
    best = "" if progress.best is None else f" · best {progress.best:.3f}"
    return f"{progress.calls:,} calls · ${progress.dollars:.4f}{best}"
