"""Language models: one small protocol, and wrappers that share it.

Rule 1: every call to any model, whoever makes it (a prompt, a DSPy compiler, a proposer, a judge), is one
`Model.complete`. Rule 2: a wrapper is a model around a model (cache, meter, rate, retry); it knows nothing of
its neighbours. Rule 3: models live on one event loop (`bridge.py`); threads come in through it.

`model` is the protocol. In the order in which a call meets them: `preset` ▸ `meter` (in `money`: what may be spent, and
was) ▸ `cache` (in `stores`: what was answered before) ▸ `retry` ▸ `rate` ▸ `wary` ▸ `breaker` (in `pacing`: when to
ask) ▸ `tries` (in `money`: every request is booked) ▸ one of the `providers`, on the wire (`transport`). What comes
back is read by `replies`. `tolerant` stands before all of them, for parameters that a target may not take; `scripted`
replaces them in tests. The packages import each other downwards: `providers`, `stores` and `pacing`, then `money` and
`replies`, then the modules here.
"""

from optimizer.models.model import Model, identity

__all__ = ["Model", "identity"]
