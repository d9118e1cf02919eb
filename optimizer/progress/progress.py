"""One fact about a run that goes on, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["baseline", "search", "confirm", "done"]


@dataclass(frozen=True)
class Progress:
    """`done` of `total` calls of this stage are in; `best` is the quality of the best candidate so far, 0 to 1, or None
    while it has answered fewer examples than a trial may take on average.

    `calls` and `dollars` are the whole run's until now. `text` is a line worth keeping in the log.
    """

    stage: Stage
    target: str = ""
    done: float = 0.0
    total: float = 0.0
    best: float | None = None
    text: str = ""
    calls: int = 0
    dollars: float = 0.0


Watch = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Watches without a word."""
