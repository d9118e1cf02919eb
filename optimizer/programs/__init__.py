"""Programs: whatever turns inputs into a reply with the help of a model. A program is the thing that is shipped.

`prompted` asks once, `shipped` chooses between it and `dspy`, where a team's own programs and DSPy's optimizers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from optimizer.models import Model
from optimizer.types import JSON, Inputs, Reply

__all__ = ["Program"]


class Program(Protocol):
    """A prompt with its parser. Keeps no books: who wants to count hands it a model that counts."""

    async def __call__(self, inputs: Inputs, model: Model) -> Reply: ...

    def to_dict(self) -> Mapping[str, JSON]: ...
