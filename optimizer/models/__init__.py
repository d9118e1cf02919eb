"""Language models: one small protocol, and wrappers that share it.

Rule 1: every call to any model, whoever makes it (a prompt, a DSPy compiler, a proposer, a judge), is one
`Model.complete`. Rule 2: a wrapper is a model around a model (cache, meter, rate, retry); it knows nothing of
its neighbours. Rule 3: models live on one event loop (`bridge.py`); threads come in through it.

In the order in which a call meets them: `preset` ▸ `meter` (in `money`: what may be spent, and was) ▸ `cache` (in
`stores`: what was answered before) ▸ `retry` ▸ `rate` ▸ `wary` ▸ `breaker` (in `pacing`: when to ask) ▸ `tries` (in
`money`: every request is booked) ▸ one of the `providers`, on the wire (`transport`). What comes back is read by
`replies`. `venture` stands before all of them for parameters nobody knows; `scripted` in place of them in tests. The
packages import each other downwards: `providers`, `stores` and `pacing`, then `money` and `replies`, then what stands
here.
"""

from __future__ import annotations

from typing import Protocol

from optimizer.types import Request, Response

__all__ = ["Model", "identity"]


class Model(Protocol):
    """Answers one request. Raises `ModelError`; keeps no conversation."""

    @property
    def name(self) -> str: ...

    async def complete(self, request: Request) -> Response: ...


def identity(model: Model) -> str:
    """What answers are remembered and paid under: the name, with server and settings where the model has them."""
    return str(getattr(model, "identity", model.name))
