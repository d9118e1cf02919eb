"""A small HTTP server on loopback, on the one event loop, for tests of what goes over the wire."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from optimizer.models import transport


class Serving:
    """`url` is there once it has started; a subclass says what it answers to."""

    def __init__(self) -> None:
        self.url = ""
        self._runner: web.AppRunner | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        raise NotImplementedError

    async def start(self) -> None:
        app = web.Application()
        app.router.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        await transport.close()
        if self._runner:
            await self._runner.cleanup()
