"""A gateway sets aside what a call may cost at most, so a key seems empty while many calls are under way.

Then what is on the wire is waited for, and calls are made one at a time: only one that is turned down alone ends the
run. After it nothing is asked: whoever waits behind it may be cancelled at any moment, and a cheaper question that
goes through would be answered to nobody. So no answer is lost that was paid for.
"""

from __future__ import annotations

import asyncio

from optimizer.errors import CreditExhausted
from optimizer.models.model import Model, identity
from optimizer.types import Request, Response

_TRUSTED = 8  # calls that must be paid for one at a time before several are made again


class Wary:
    """Wraps a model; holds for the calls of one event loop."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self.identity = identity(model)
        self._model = model
        self._flying, self._alone = 0, asyncio.Lock()
        self._landed = asyncio.Condition()
        self._wary = 0  # so many calls more are made one at a time
        self._empty: CreditExhausted | None = None  # what a call was told that was turned down alone

    async def complete(self, request: Request) -> Response:
        while True:
            if not self._wary:
                try:
                    return await self._call(request)
                except CreditExhausted:
                    self._wary = _TRUSTED
            async with self._alone:
                if self._wary:  # else others have shown meanwhile that there is money
                    return await self._call_alone(request)

    async def _call_alone(self, request: Request) -> Response:
        async with self._landed:
            await self._landed.wait_for(lambda: not self._flying)
        if self._empty:
            raise self._empty
        try:
            response = await self._call(request)
        except CreditExhausted as told:
            self._empty = told
            raise
        self._wary -= 1
        return response

    async def _call(self, request: Request) -> Response:
        self._flying += 1
        try:
            return await self._model.complete(request)
        finally:
            self._flying -= 1
            async with self._landed:
                self._landed.notify_all()
