"""Language models: one small protocol, and wrappers that share it.

Rule 1: every call to any model, whoever makes it (a prompt, a DSPy compiler, a proposer, a judge), is one
`Model.complete`. Rule 2: a wrapper is a model around a model (cache, meter, rate, retry); it knows nothing of
its neighbours. Rule 3: models live on one event loop (`bridge.py`); threads come in through it.

In the order in which a call meets them: `preset` ▸ `meter` (`purse`, `tries`, `journal`: what may be spent, and was) ▸
`cache` (`stores`; on a server `postgres`, by `pgserver`) ▸ `retry` ▸ `rate` (`stated`, `learnt`, `bucket`: limits) ▸
`wary` ▸ `breaker` (heard by `notice`) ▸ the provider: `litellm` on `transport`, `direct`, or `embedding`. `venture`
stands before all of them for parameters nobody knows; `scripted` in place of them in tests. What comes back is read by
`answers`, `usage`, `failures` and `names`. Before the first call: `access`, `listing`, `gateway`, `reserved`,
`prices`, `sunset`.
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
