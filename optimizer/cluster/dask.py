"""Workers of a Dask cluster: the one door to `distributed`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from optimizer.cluster import worker
from optimizer.cluster.remote import lost
from optimizer.config.engine_settings import EngineSettings
from optimizer.errors import ConfigError

_PATIENCE = 60  # seconds in which a scheduler has to answer, and a first worker to be there


class DaskCluster:
    """At the address of a scheduler, or on this machine for as long as it is open."""

    def __init__(self, engine: EngineSettings) -> None:
        import distributed

        for name in ("", ".client", ".worker", ".scheduler", ".nanny", ".core"):  # what matters, we raise
            logging.getLogger(f"distributed{name}").setLevel(logging.CRITICAL)
        self._own = None
        try:
            if engine.address is None:
                self._own = distributed.LocalCluster(
                    n_workers=engine.number or 2,
                    threads_per_worker=engine.calls,
                    dashboard_address=None,
                    host="127.0.0.1",
                    silence_logs=logging.CRITICAL,
                )
            self._client = distributed.Client(self._own or engine.address, timeout=_PATIENCE, set_as_default=False)
            self._client.wait_for_workers(engine.number or 1, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            self._shut()
            raise ConfigError(
                f"engine.address: {engine.address or 'a Dask cluster on this machine'} cannot be used ({error}); start "
                "`dask scheduler` and `dask worker ADDRESS --nthreads 16`, or correct it"
            ) from error

    async def call(self, work: Callable[..., str], *texts: str) -> str:
        home = self._client.loop.asyncio_loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._called(work, texts), home))

    async def _called(self, work: Callable[..., str], texts: tuple[str, ...]) -> str:
        """On the client's own loop."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError

        future = self._client.submit(work, *texts, pure=False)
        try:
            answer: str = await self._client.gather(future, asynchronous=True)
        except (KilledWorker, FutureCancelledError, CommClosedError) as error:
            raise lost(type(error).__name__) from error
        except BaseException:
            await future.cancel(asynchronous=True)
            raise
        return answer

    def versions(self) -> set[str]:
        return set(self._client.run(worker.version).values())

    def scoring(self) -> Mapping[str, Any]:
        return {"backend": "dask", "client": self._client}

    def close(self) -> None:
        self._client.close()
        self._shut()

    def _shut(self) -> None:
        if self._own:
            self._own.close()
