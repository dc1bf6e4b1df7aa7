"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by `factor` from `first` to `longest` (seconds), each shortened by chance by up to half.

    The chance keeps many processes that lost the same server from coming back in step. `chance` gives numbers
    in [0, 1).
    """

    first: float = 0.1
    longest: float = 30.0
    factor: float = 2.0
    chance: Callable[[], float] = field(default=random.random, compare=False, repr=False)

    def delay(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (from 1), between half of the grown wait and all of it."""
        # The exponent is bounded because a float overflows after some 1,000 doublings, and retries have no limit.
        grown = min(self.longest, self.first * self.factor ** min(max(failures, 1) - 1, 64))
        return grown * (1.0 - self.chance() / 2)
