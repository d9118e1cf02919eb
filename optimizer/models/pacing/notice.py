"""What the models have to say to whoever runs them: that a provider is gone or lets nobody in, and that it is back.

A model does not know its runs, and several runs may share it: each listens for as long as it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from optimizer.errors import ModelError

_LONG = 15.0  # seconds of nothing but refusals, after which a run that stands still says why
_listeners: list[Callable[[str], None]] = []


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Inside the block `listener` is told, from the models' own thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def notice(text: str) -> None:
    for listener in tuple(_listeners):
        listener(text)


class Refusals:
    """Tells that a server has refused every call for a while, and that it lets one in again."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say, self._clock = say, clock
        self._since: float | None = None
        self._told = ""  # of which model

    def refused(self, error: ModelError) -> None:
        self._since = self._clock() if self._since is None else self._since
        long = self._clock() - self._since
        if long >= _LONG and not self._told:
            self._told = error.model
            self._say(f"every call was refused for {long:.0f} s ({error}): asking on, as seldom as the server wants")

    def answered(self) -> None:
        if self._told and self._since is not None:
            self._say(f"{self._told} lets calls in again after {self._clock() - self._since:.0f} s")
        self._since, self._told = None, ""
