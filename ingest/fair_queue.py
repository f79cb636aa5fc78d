"""Who is next? A few at a time, and of those who wait each key in its turn, so that a noisy one delays itself."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairQueue:
    """slots: how many may go at a time. Belongs to one event loop."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._waiting: dict[int | None, deque[asyncio.Future[None]]] = {}  # in the order of their next turn

    @asynccontextmanager
    async def slot(self, key_id: int | None) -> AsyncIterator[None]:
        """Waits until it is this key's turn; the slot is passed on at the end of the block."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(key_id)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, key_id: int | None) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key_id, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()  # the slot came in the same moment
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            key_id = next(iter(self._waiting))
            queue = self._waiting.pop(key_id)
            waiter = queue.popleft()
            if queue:
                self._waiting[key_id] = queue  # behind every other key
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
