"""Examples that stand in for those that a user still has to bring: `check` accepts them, a run refuses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.errors import DataError
from optimizer.types import JSON, Example, as_text

MARK = "TODO: put an example here:"
ROWS = 40  # enough for every part of the split


def stand_ins(names: Iterable[str], turns: str | None) -> Iterator[dict[str, JSON]]:
    """Rows for these variables, of which `turns` holds the earlier turns of a conversation."""
    for number in range(1, ROWS + 1):
        texts = {name: f"{MARK} {name} {number}" for name in names}
        yield {name: [{"role": "user", "content": text}] if name == turns else text for name, text in texts.items()}


def refuse_standins(examples: Iterable[Example], where: str) -> None:
    """Raises DataError where an example is only a stand-in: a run on those would cost money and say nothing."""
    for example in examples:
        if any(MARK in as_text(value) for value in example.inputs.values()):
            raise DataError(
                f"{where}: example {example.id} is a stand-in of the import ({MARK} ...); put your own there first"
            )
