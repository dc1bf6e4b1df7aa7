"""The thread that takes ownership of newly assigned partitions, so that reading never waits for ClickHouse."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from ingest_worker.observations import Observer, OwnershipDelayed, OwnershipTaken
from ingest_worker.ownership import Claim, take_ownership
from ingest_worker.partition import Partition
from ingest_worker.sink import short_message
from service.backoff import Backoff

_BACKOFF = Backoff(first=0.2, longest=5.0)


@dataclass(frozen=True, slots=True)
class Takeover:
    """Partitions that were assigned together, and the claim that is made for them."""

    partitions: tuple[Partition, ...]
    claim: Claim


class Claimer:
    """Makes the claims that it is asked for, one after the other, each until it succeeds or nobody wants it any more.

    `is_wanted` says whether a partition is still assigned, `on_taken` is told of each success; both are called from
    the claimer's thread.
    """

    def __init__(
        self,
        group: str,
        connect: Callable[[], Client],
        database: str,
        observe: Observer,
        is_wanted: Callable[[Partition], bool],
        on_taken: Callable[[Takeover], None],
    ) -> None:
        self._group = group
        self._connect = connect
        self._database = database
        self._observe = observe
        self._is_wanted = is_wanted
        self._on_taken = on_taken
        self._asked: queue.SimpleQueue[Takeover | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def ask(self, partitions: Sequence[Partition], keys: Sequence[str]) -> None:
        """Have the partitions claimed under the fence keys `keys`. Does not block."""
        self._asked.put(Takeover(tuple(partitions), Claim(tuple(keys))))

    def run(self) -> None:
        """Work until `stop`. Blocks."""
        while (takeover := self._asked.get()) is not None and not self._stop.is_set():
            self._take(takeover)

    def stop(self) -> None:
        self._stop.set()
        self._asked.put(None)

    def _take(self, takeover: Takeover) -> None:
        names = tuple(partition.name for partition in takeover.partitions)
        started, failures = time.monotonic(), 0
        while not self._stop.is_set() and any(map(self._is_wanted, takeover.partitions)):
            error = self._attempt(takeover.claim)
            if error is None:
                self._observe(OwnershipTaken(self._group, names, time.monotonic() - started))
                self._on_taken(takeover)
                return
            failures += 1
            delay = _BACKOFF.delay(failures)
            self._observe(OwnershipDelayed(self._group, names, delay, short_message(error)))
            self._stop.wait(delay)

    def _attempt(self, claim: Claim) -> Exception | None:
        client: Client | None = None
        try:
            client = self._connect()
            take_ownership(client, self._database, claim)
        except Exception as error:
            return error
        finally:
            # Claims are rare, so that none needs a connection kept open for it.
            if client is not None:
                with suppress(Exception):
                    client.close()
        return None
