"""Workers of a Ray cluster: the one door to `ray`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from optimizer.cluster import worker
from optimizer.cluster.remote import lost
from optimizer.config.engine_settings import EngineSettings
from optimizer.errors import ConfigError


class _Worker:
    """An actor with as many threads as it may have calls in flight. It comes back by itself where it was lost."""

    def do(self, work: str, texts: tuple[str, ...]) -> str:
        done: str = getattr(worker, work)(*texts)
        return done


_STARTS = 3  # of a node on this machine: Ray gives one half a minute, which is short on a busy machine


class RayCluster:
    """At an address, or on this machine for as long as it is open; a session of Ray that is open already is used."""

    def __init__(self, engine: EngineSettings) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it is used
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray, self._began = ray, not ray.is_initialized()
        if self._began:
            begin(ray, engine)
        self._jobs = engine.number or max(1, int(ray.cluster_resources().get("CPU", 1)))
        options = {"num_cpus": 0, "max_concurrency": engine.calls, "max_restarts": -1, "scheduling_strategy": "SPREAD"}
        actor = ray.remote(_Worker).options(**options)
        self._workers = [actor.remote() for _ in range(self._jobs)]
        self._busy = [0] * self._jobs

    async def call(self, work: Callable[..., str], *texts: str) -> str:
        """By the worker that has the least to do."""
        at = self._busy.index(min(self._busy))
        self._busy[at] += 1
        try:
            reference = self._workers[at].do.remote(work.__name__, texts)
            answer: str = await asyncio.wrap_future(reference.future())
        except self._ray.exceptions.RayError as error:
            raise lost(type(error).__name__) from error
        finally:
            self._busy[at] -= 1
        return answer

    def versions(self) -> set[str]:
        return set(self._ray.get([one.do.remote("version", ()) for one in self._workers], timeout=120))

    def scoring(self) -> Mapping[str, Any]:
        from ray.util.joblib import register_ray

        register_ray()
        return {"backend": "ray"}

    def close(self) -> None:
        for one in self._workers:
            self._ray.kill(one)
        if self._began:
            self._ray.shutdown()


def begin(ray: Any, engine: EngineSettings) -> None:
    """Raises ConfigError where there is no cluster to be had. What Ray raises then is of any kind."""
    made = {"include_dashboard": False, "num_cpus": engine.number or 2} if engine.address is None else {}
    for left in reversed(range(1 if engine.address else _STARTS)):
        try:
            ray.init(address=engine.address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **made)
            return
        except Exception as error:
            ray.shutdown()
            if not left:
                raise ConfigError(
                    f"engine.address: {engine.address or 'Ray on this machine'} cannot be used ({error}); start "
                    "`ray start --head` and `ray start --address HEAD:6379`, or correct it"
                ) from error
