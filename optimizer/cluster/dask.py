"""Workers of a Dask cluster: the one door to `distributed`.

A call is not made as a task. Dask makes a task again whose worker is gone, whether or not its answer has been fetched
meanwhile, until it has been told that nobody needs it any more: a question that is answered would be asked, and paid,
once more. So each call is a message to one worker, whose reply carries the answer; what becomes of a call without a
reply is for the driver alone to decide, which looks it up, counts it as wasted, and makes it again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from optimizer.cluster import worker
from optimizer.cluster.remote import NotSent, lost
from optimizer.cluster.seats import Seats
from optimizer.config.engine_settings import EngineSettings
from optimizer.errors import ConfigError

_PATIENCE = 60  # seconds in which a scheduler has to answer, and a worker to be there
_LOOK = 1.0  # seconds between two looks at who is there
_GRACE = 5  # looks at which a worker is gone before the connection to it is given up
_UNREACHED = ("Timed out trying to connect", "Address removed", "ConnectionPool closing")  # what distributed says
_SCOPES = ("", ".client", ".worker", ".scheduler", ".nanny", ".core")


class DaskCluster:
    """At the address of a scheduler, or on this machine for as long as it is open."""

    def __init__(self, engine: EngineSettings) -> None:
        import distributed

        for name in _SCOPES:  # what matters, we raise
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
        self._seats, self._looked, self._looking = Seats(), 0.0, asyncio.Lock()

    async def call(self, work: Callable[..., str], *texts: str) -> str:
        home = self._client.loop.asyncio_loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._called(work, texts), home))

    async def _called(self, work: Callable[..., str], texts: tuple[str, ...]) -> str:
        """On the client's own loop."""
        await self._look(_LOOK)
        async with self._seat() as address:
            reply = asyncio.ensure_future(self._replied(address, work, texts))
            try:
                gone = 0
                while not (await asyncio.wait([reply], timeout=_LOOK))[0]:
                    await self._look(_LOOK)
                    gone = 0 if address in self._seats.room else gone + 1
                    if gone > _GRACE:
                        raise lost("it has left the cluster")
                return reply.result()
            finally:
                reply.cancel()

    @asynccontextmanager
    async def _seat(self) -> AsyncIterator[str]:
        """A place at a worker, as soon as there is one. Where nobody is there for long, the call was never sent."""
        async with AsyncExitStack() as stack:
            alone = time.monotonic()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        address = await stack.enter_async_context(self._seats.taken())
                    break
                await self._look(_LOOK)
                if self._seats.room:
                    alone = time.monotonic()
                elif time.monotonic() > alone + _PATIENCE:
                    raise NotSent(f"no worker was there for {_PATIENCE} s", model="cluster", retryable=True)
            yield address

    async def _replied(self, address: str, work: Callable[..., str], texts: tuple[str, ...]) -> str:
        found = await self._client.run(worker.carried, work.__name__, texts, workers=[address], on_error="return")
        answer = found[address]
        if isinstance(answer, OSError):  # of the connection: what a worker meets in its work comes back as a text
            self._looked = 0.0
            await self._seats.now({at: room for at, room in self._seats.room.items() if at != address})
            if any(word in str(answer) for word in _UNREACHED):
                raise NotSent("the worker was gone", model="cluster", retryable=True) from answer
            raise lost(type(answer).__name__) from answer
        if isinstance(answer, BaseException):
            raise answer
        return str(answer)

    async def _look(self, every: float) -> None:
        """Who is there, unless that was looked up a moment ago."""
        async with self._looking:
            if time.monotonic() < self._looked + every:
                return
            try:
                async with asyncio.timeout(_PATIENCE):
                    found = (await self._client.scheduler.identity(n_workers=-1))["workers"]
            except OSError as error:  # a TimeoutError is one
                raise lost(f"the scheduler does not answer, {type(error).__name__}") from error
            self._looked = time.monotonic()
            await self._seats.now({at: one["nthreads"] for at, one in found.items() if one["status"] == "running"})

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
