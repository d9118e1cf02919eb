"""What the models have to say to whoever runs them: that a provider is gone, and that it is back.

A model does not know its runs, and several runs may share it: each listens for as long as it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
