"""One budget of time that is handed from step to step, so that their time-outs add up to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on `clock` (seconds, monotonic) by which everything that is handed this value must be done."""

    expires_at: float
    clock: Callable[[], float] = field(default=time.monotonic, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The moment `seconds` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, never below 0: ready to be given to anything that takes a time-out."""
        return max(0.0, self.expires_at - self.clock())

    @property
    def is_over(self) -> bool:
        return self.remaining() == 0.0

    def at_most(self, seconds: float) -> float:
        """Seconds that one step may take that would by itself be given `seconds`."""
        return min(seconds, self.remaining())
