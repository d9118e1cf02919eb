"""What all tasks of a fleet have in common: settings, ledger, store, and the way to the models with its limits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from optimizer import connect
from optimizer.cluster import open_cluster
from optimizer.cluster.remote import Remote
from optimizer.evaluate import scored_by
from optimizer.fleet.ledger import Ledger
from optimizer.fleet.settings import FleetSettings
from optimizer.models.stores.cache import Answers
from optimizer.models.stores.opening import open_store

Told = Callable[[str], None]


@dataclass(frozen=True)
class Fleet:
    settings: FleetSettings
    folder: Path
    ledger: Ledger
    connect: Callable[..., connect.Roles]
    store: Answers
    told: Told


def open_fleet(settings: FleetSettings, folder: Path, out: Path, told: Told, stack: ExitStack) -> Fleet:
    """`stack` closes it."""
    from threadpoolctl import threadpool_limits

    store = stack.enter_context(open_store(settings.store, folder, out / "calls.sqlite"))
    stack.enter_context(threadpool_limits(1))  # one search that ends must not give the others more threads
    asked: connect.Provider = connect.bare
    if settings.engine.workers != "local":
        cluster = stack.enter_context(open_cluster(settings.engine))
        stack.enter_context(scored_by(cluster.scoring()))
        asked = partial(Remote, cluster)
    one_at_a_time = Lock()

    def connected(chosen: object, store: object, purse: object) -> connect.Roles:
        with one_at_a_time:  # so that all find the same gate before a model, and its limits hold for all together
            provider = partial(connect.provider, asked=asked)
            return connect.connect(chosen, store, purse, provider=provider)  # type: ignore[arg-type]

    return Fleet(settings, out, Ledger(out / "ledger.json"), connected, store, told)
