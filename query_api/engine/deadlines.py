"""One timer for all that has a deadline: setting a timer for each request and taking it back costs more than asking."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

# The timer is not set more often than this, in seconds.
_SHORTEST = 0.005


class Deadlines:
    """Calls `look(now)` when the earliest deadline that it was told of has come. `look` does what is due and gives the
    earliest one to come, infinity for none. All times are of the event loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[float], float]) -> None:
        self.loop = loop
        self._look = look
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, due: float) -> None:
        """Look at this time, or before. It costs a comparison, unless it is the earliest of all."""
        if due < self._at:
            self.stop()
            self._at = due
            self._timer = self.loop.call_at(due, self._come)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _come(self) -> None:
        self._timer, self._at = None, math.inf
        now = self.loop.time()
        self.watch(max(self._look(now), now + _SHORTEST))
