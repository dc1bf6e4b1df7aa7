"""How many queries run at once, and how many may wait for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from query_api.errors import Unavailable


class Admission:
    """Lets `concurrency` queries run; `queue` more wait in order of arrival, `queue_seconds` at most."""

    def __init__(self, *, concurrency: int, queue: int, queue_seconds: float) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._queue_seconds = queue_seconds
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot for the time of the block. Raises `Unavailable` when there is none in time."""
        await self._acquire()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()

    def expect_room(self) -> None:
        """Raise `Unavailable` when neither a slot nor a place in the queue is free, before work goes into a request."""
        if self._slots.locked() and self.waiting >= self._queue:
            raise Unavailable(
                f"{self.running} queries are running and {self.waiting} waiting\n"
                "hint: the limits are the settings `BIRDHOUSE_API_MAX_QUERIES` and `BIRDHOUSE_API_MAX_QUEUED`"
            )

    async def _acquire(self) -> None:
        self.expect_room()
        if not self._slots.locked():
            await self._slots.acquire()  # at once, so there is no time to keep
            return
        self.waiting += 1
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise Unavailable(
                f"no query ended within {self._queue_seconds:g} s to let this one run\n"
                "hint: the limit is the setting `BIRDHOUSE_API_MAX_QUEUE_SECONDS`"
            ) from error
        finally:
            self.waiting -= 1
