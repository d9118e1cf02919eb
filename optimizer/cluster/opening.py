"""A cluster for as long as a run or a fleet needs it: reached, held against this version, looked over, closed."""

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
    settings: Settings, around: Callable[[Model], Model] = lambda model: model, *, recorded: bool = False
) -> Iterator[Callable[..., connect.Roles]]:
    """How roles are connected while the block lasts: to models that are asked from here, or on workers.

    `around`: what each of them is put into, right where it is asked. `recorded`: the source's outputs are there.
    """

    def connected(bare: connect.Provider) -> Callable[..., connect.Roles]:
        provider = partial(connect.provider, asked=lambda section, labels: around(bare(section, labels)))
        return partial(connect.connect, provider=provider)

    if settings.engine.workers == "local":
        yield connected(connect.bare)
        return
    with open_cluster(settings.engine) as cluster, scored_by(cluster.scoring()):
        _preflight(settings, cluster, recorded)
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


def _preflight(settings: Settings, cluster: Cluster, recorded: bool) -> None:
    """Is every key set, every server in reach, as seen by a worker?"""
    labels = connect.labels_of(settings, "preflight")
    asked = connect.hosted_roles(settings, recorded=recorded)
    for section in {(s.api_base, s.model, s.api_key_env): s for _, s in asked}.values():
        problem = bridge.run(cluster.call(worker.check, section.model_dump_json(), worker.write_labels(labels)))
        if problem:
            raise ConfigError(f"on a worker: {problem}")
