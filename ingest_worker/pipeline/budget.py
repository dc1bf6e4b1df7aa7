"""The memory budget for waiting messages: when a data source's partitions are paused, and when they go on."""

from __future__ import annotations

import threading


class MemoryBudget:
    """Bytes that all data sources together may hold, shared so that a slow one cannot take everything.

    Half of the budget is promised to the data sources in equal shares, the rest goes to whoever needs it. A data
    source that has outgrown its share is paused once only the promises to the others are left. So the sum stays
    within the limit (give or take what one call of the consumer returns), a data source that is alone may use all
    of it, and none stands still because of another.
    """

    def __init__(self, limit_bytes: int, data_sources: int) -> None:
        self._share = limit_bytes // 2 // max(1, data_sources)
        self._common = limit_bytes - self._share * (max(1, data_sources) - 1)
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        return self._used

    def take(self, count: int) -> None:
        with self._lock:
            self._used += count

    def give_back(self, count: int) -> None:
        with self._lock:
            self._used -= count

    def is_tight(self, own_bytes: int) -> bool:
        """Whether a data source that holds `own_bytes` should insert what it has: waiting for more ends in a pause."""
        return own_bytes > self._common // 3 or (self._used > self._common and own_bytes > self._share // 2)

    def must_pause(self, own_bytes: int) -> bool:
        """Whether a data source that holds `own_bytes` must read no more."""
        return own_bytes > self._share and self._used > self._common

    def may_resume(self, own_bytes: int) -> bool:
        """Whether a paused one may read again: well below where it was paused, because pausing throws away what the
        Kafka client has fetched ahead."""
        return own_bytes <= self._share // 2 or self._used <= self._common // 2
