"""Calls and scoring on the workers of a Dask or Ray cluster; the driver alone decides and writes.

Rule 1: what is reserved, remembered, retried and limited is so in the driver, as without a cluster: only the bare call
goes out. So a run's bytes do not depend on where its calls were made. Rule 2: texts go out and come back, no objects;
a key is read on the worker, from its own environment, and is never sent. Rule 3: a worker that is lost is an answer
that did not come: its calls are made again elsewhere.

Scoring goes through joblib, whose backends reach the same workers. Calls go out one by one instead: joblib hands
back a batch when its slowest call is done, and would let the workers wait for it.

`remote` is the model that asks, `worker` the other end; `dask` (with `seats`: which worker next) and `ray` are the two
kinds of cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from optimizer import __version__, connect
from optimizer.cluster import worker
from optimizer.cluster.remote import Remote
from optimizer.config import Settings
from optimizer.config.engine_settings import EngineSettings
from optimizer.errors import ConfigError
from optimizer.evaluate import scored_by
from optimizer.models import Model, bridge

__all__ = ["Cluster", "open_cluster", "providers"]


class Cluster(Protocol):
    """`call` runs a function of `worker` on one of the workers; a worker that is lost is a retryable ModelError."""

    async def call(self, work: Callable[..., str], *texts: str) -> str: ...

    def versions(self) -> set[str]:
        """Of this package, on the workers."""

    def scoring(self) -> Mapping[str, Any]:
        """What joblib is told to find the workers."""

    def close(self) -> None: ...


@contextmanager
def providers(
    settings: Settings, around: Callable[[Model], Model] = lambda model: model
) -> Iterator[Callable[..., connect.Roles]]:
    """How roles are connected while the block lasts: to models that are asked from here, or on workers.

    `around`: what each of them is put into, right where it is asked.
    """

    def connected(bare: connect.Provider) -> Callable[..., connect.Roles]:
        provider = partial(connect.provider, asked=lambda section, labels: around(bare(section, labels)))
        return partial(connect.connect, provider=provider)

    if settings.engine.workers == "local":
        yield connected(connect.bare)
        return
    with open_cluster(settings.engine) as cluster, scored_by(cluster.scoring()):
        _preflight(settings, cluster)
        yield connected(partial(Remote, cluster))


@contextmanager
def open_cluster(engine: EngineSettings) -> Iterator[Cluster]:
    """Raises ConfigError where it cannot be reached, or its workers have another version."""
    cluster = _opened(engine)
    try:
        if others := cluster.versions() - {__version__}:
            raise ConfigError(
                f"engine: the workers have promptport {', '.join(sorted(others))}, this is {__version__}; "
                "install the same version everywhere"
            )
        yield cluster
    finally:
        cluster.close()


def _opened(engine: EngineSettings) -> Cluster:
    package = {"dask": "distributed", "ray": "ray"}[engine.workers]
    try:
        if engine.workers == "dask":
            from optimizer.cluster.dask import DaskCluster

            return DaskCluster(engine)
        from optimizer.cluster.ray import RayCluster

        return RayCluster(engine)
    except ImportError as error:
        raise ConfigError(
            f"engine.workers: {engine.workers} needs {package}, which is not installed ({error}); "
            f"`pip install 'promptport[{engine.workers}]'`"
        ) from error


def _preflight(settings: Settings, cluster: Cluster) -> None:
    """Is every key set, every server in reach, as seen by a worker?"""
    labels = connect.labels_of(settings, "preflight")
    for section in {(s.api_base, s.model): s for _, s in connect.hosted_roles(settings)}.values():
        problem = bridge.run(cluster.call(worker.check, section.model_dump_json(), worker.write_labels(labels)))
        if problem:
            raise ConfigError(f"on a worker: {problem}")
