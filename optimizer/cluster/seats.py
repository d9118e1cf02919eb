"""Which worker makes a call: the one with the most room, and none that is full. For the calls of one event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager


class Seats:
    """Places at the workers. `room`: how many calls each may have in flight, by address."""

    def __init__(self) -> None:
        self.room: Mapping[str, int] = {}
        self._taken: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    async def now(self, room: Mapping[str, int]) -> None:
        """Workers come and go."""
        async with self._changed:
            self.room = room
            self._changed.notify_all()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[str]:
        """Inside the block, one place at the worker whose address is given; waits until there is one."""
        async with self._changed:
            await self._changed.wait_for(self._best)
            address = self._best()
            self._taken[address] += 1
        try:
            yield address
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
            async with self._changed:
                self._changed.notify()

    def _best(self) -> str:
        """ "" where all are full. Of several that are equally free, the one that has been known the longest."""
        free = {address: (most - self._taken[address]) / most for address, most in self.room.items() if most}
        best = max(free, key=lambda address: free[address], default="")
        return best if best and free[best] > 0 else ""
