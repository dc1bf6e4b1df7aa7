"""How many requests a second a name may make: one bucket a name, refilled evenly."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from query_api.errors import TooManyRequests

# Names that are remembered; the one that asked longest ago is forgotten first, and begins with a full bucket.
_MAX_NAMES = 100_000
# Seconds of requests that may come at once.
_BURST = 1.0


class Rates(Protocol):
    """Buckets that hold one second's requests, one for each name."""

    def take(self, name: str, rps: int) -> Mapping[str, str]:
        """Take one request out of the bucket; the `X-RateLimit-` headers of its answer. Raises `TooManyRequests`.

        `Reset` is in whole seconds until the bucket is full.
        """
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """When the bucket will be full again, on the clock of whoever asked, and the headers of the answer."""

    full_at: float
    headers: Mapping[str, str]


def take_from(full_at: float, now: float, name: str, rps: int) -> Taken:
    """One request out of a bucket that will be (or was) full at `full_at`. Raises `TooManyRequests`."""
    full_at = max(full_at, now)
    after = full_at + 1 / rps
    late = after - now - _BURST
    if late > 1e-9:
        raise TooManyRequests(
            f"the token `{name}` may make {rps} requests a second",
            retry_after=max(1, math.ceil(late)),
            headers=_headers(rps, 0, full_at - now),
        )
    return Taken(after, _headers(rps, int((now + _BURST - after) * rps + 1e-6), after - now))


class RateLimiter:
    """The buckets of one process. What is kept is when a bucket will be full again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, rps: int) -> Mapping[str, str]:
        now = self._clock()
        taken = take_from(self._full_at.get(name, now), now, name, rps)
        self._full_at[name] = taken.full_at
        self._full_at.move_to_end(name)
        if len(self._full_at) > _MAX_NAMES:
            self._full_at.popitem(last=False)
        return taken.headers


def _headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(reset)),
    }
