"""Examples that stand in for those that a user still has to bring: `check` accepts them, a run refuses them."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.errors import DataError
from optimizer.types import Example

MARK = "TODO: put an example here:"
ROWS = 40  # enough for every part of the split


def refuse_standins(examples: Iterable[Example], where: str) -> None:
    """Raises DataError where an example is only a stand-in: a run on those would cost money and say nothing."""
    for example in examples:
        if any(isinstance(value, str) and value.startswith(MARK) for value in example.inputs.values()):
            raise DataError(
                f"{where}: example {example.id} is a stand-in of the import ({MARK} ...); put your own there first"
            )
