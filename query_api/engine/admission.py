"""How many queries run at once, and how many may wait for how long."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import NamedTuple

from query_api.engine.deadlines import Deadlines
from query_api.errors import Unavailable


class _Turn(NamedTuple):
    """A place in the queue: its result says that the slot is its own, its exception that there was none in time."""

    come: asyncio.Future[None]
    deadline: float


class Admission:
    """Lets `concurrency` queries run; `queue` more wait in order of arrival, `queue_seconds` at most."""

    def __init__(self, *, concurrency: int, queue: int, queue_seconds: float) -> None:
        self._concurrency = concurrency
        self._queue = queue
        self._queue_seconds = queue_seconds
        # In order of arrival, which is also that of their deadlines.
        self._turns: deque[_Turn] = deque()
        self._deadlines: Deadlines | None = None
        self._slot = _Slot(self)
        self.running = 0
        self.waiting = 0

    def slot(self) -> _Slot:
        """Hold a slot for the time of an `async with` block. Raises `Unavailable` when there is none in time."""
        return self._slot

    def expect_room(self) -> None:
        """Raise `Unavailable` when neither a slot nor a place in the queue is free, before work goes into a request."""
        if self.running >= self._concurrency and self.waiting >= self._queue:
            raise Unavailable(
                f"{self.running} queries are running and {self.waiting} waiting\n"
                "hint: the limits are the settings `BIRDHOUSE_API_MAX_QUERIES` and `BIRDHOUSE_API_MAX_QUEUED`"
            )

    async def take(self) -> None:
        """Get a slot, which has to be given back. Raises `Unavailable` when there is none in time."""
        self.expect_room()
        if self.running < self._concurrency:
            self.running += 1
            return
        if self._deadlines is None:
            self._deadlines = Deadlines(asyncio.get_running_loop(), self._refuse_late)
        loop = self._deadlines.loop
        turn = _Turn(loop.create_future(), loop.time() + self._queue_seconds)
        self._turns.append(turn)
        self._deadlines.watch(turn.deadline)
        self.waiting += 1
        try:
            await turn.come
        except asyncio.CancelledError:
            if turn.come.done() and not turn.come.cancelled() and turn.come.exception() is None:
                self.give_back()  # the turn came while its owner left
            raise
        finally:
            self.waiting -= 1

    def give_back(self) -> None:
        """Hand the slot to the next in the queue who is still there."""
        while self._turns:
            come = self._turns.popleft().come
            if not come.done():
                come.set_result(None)
                return
        self.running -= 1

    def _refuse_late(self, now: float) -> float:
        while self._turns and (self._turns[0].come.done() or self._turns[0].deadline <= now):
            come = self._turns.popleft().come
            if not come.done():
                come.set_exception(
                    Unavailable(
                        f"no query ended within {self._queue_seconds:g} s to let this one run\n"
                        "hint: the limit is the setting `BIRDHOUSE_API_MAX_QUEUE_SECONDS`"
                    )
                )
        return self._turns[0].deadline if self._turns else math.inf


class _Slot:
    """One for all: who holds a slot does not matter, only how many do. (A generator's block costs three times this.)"""

    __slots__ = ("_admission",)

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def __aenter__(self) -> None:
        await self._admission.take()

    async def __aexit__(self, *_: object) -> None:
        self._admission.give_back()
