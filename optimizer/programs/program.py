"""What a program is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from optimizer.models import Model
from optimizer.types import JSON, Inputs, Reply


class Program(Protocol):
    """A prompt with its parser. Keeps no books: who wants to count hands it a model that counts."""

    async def __call__(self, inputs: Inputs, model: Model) -> Reply: ...

    def to_dict(self) -> Mapping[str, JSON]: ...
