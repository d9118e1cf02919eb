"""What a model is, and the name under which it is remembered."""

from __future__ import annotations

from typing import Protocol

from optimizer.types import Request, Response


class Model(Protocol):
    """Answers one request. Raises `ModelError`; keeps no conversation."""

    @property
    def name(self) -> str: ...

    async def complete(self, request: Request) -> Response: ...


def identity(model: Model) -> str:
    """What answers are remembered and paid under: the name, with server and settings where the model has them."""
    return str(getattr(model, "identity", model.name))
