"""The thread that takes newly assigned partitions over, so that reading never waits for ClickHouse."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from clickhouse_connect.driver.client import Client

from ingest_worker.former_inserts import await_former_inserts
from ingest_worker.observations import Observer, OwnershipDelayed, OwnershipTaken, PartitionsRecovered
from ingest_worker.ownership import take_ownership
from ingest_worker.partition import Partition
from ingest_worker.recovery import Recovered, recovered
from ingest_worker.scan import scan
from ingest_worker.sink import short_message
from ingest_worker.takeover import Takeover, TakeoverRequest
from service.backoff import Backoff

_BACKOFF = Backoff(first=0.2, longest=5.0)


class Claimer:
    """Makes the takeovers that it is asked for, one after the other, each until it succeeds or nobody wants it.

    `tables` are, by data source, those that can be read back (`scan.tables_with_offsets`). `is_wanted` says whether a
    partition is still assigned, `on_taken` is told of each success; both are called from the claimer's thread.
    """

    def __init__(
        self,
        group: str,
        connect: Callable[[], Client],
        database: str,
        tables: Mapping[str, Sequence[str]],
        observe: Observer,
        is_wanted: Callable[[Partition], bool],
        on_taken: Callable[[Takeover], None],
    ) -> None:
        self._group = group
        self._connect = connect
        self._database = database
        self._tables = tables
        self._observe = observe
        self._is_wanted = is_wanted
        self._on_taken = on_taken
        self._asked: queue.SimpleQueue[TakeoverRequest | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def ask(self, request: TakeoverRequest) -> None:
        """Have partitions taken over. Does not block."""
        self._asked.put(request)

    def run(self) -> None:
        """Work until `stop`. Blocks."""
        while (request := self._asked.get()) is not None and not self._stop.is_set():
            self._take(request)

    def stop(self) -> None:
        self._stop.set()
        self._asked.put(None)

    def _take(self, request: TakeoverRequest) -> None:
        started, failures = time.monotonic(), 0
        while not self._stop.is_set() and any(map(self._is_wanted, request.partitions)):
            result = self._attempt(request)
            if isinstance(result, Recovered):
                self._observe(OwnershipTaken(self._group, request.names, time.monotonic() - started))
                self._on_taken(Takeover(request.partitions, result))
                return
            failures += 1
            delay = _BACKOFF.delay(failures)
            self._observe(OwnershipDelayed(self._group, request.names, delay, short_message(result)))
            self._stop.wait(delay)

    def _attempt(self, request: TakeoverRequest) -> Recovered | Exception:
        client: Client | None = None
        try:
            client = self._connect()
            return self._recover(client, request)
        except Exception as error:
            return error
        finally:
            # Takeovers are rare, so that none needs a connection kept open for it.
            if client is not None:
                with suppress(Exception):
                    client.close()

    def _recover(self, client: Client, request: TakeoverRequest) -> Recovered:
        """The steps in their order; each needs what the one before it gave."""
        started = time.monotonic()
        fenced = take_ownership(client, self._database, request.claim)
        fenced_at = time.monotonic()
        quiet, killed = await_former_inserts(client, self._database, fenced, request.lots, self._stop.wait)
        quiet_at = time.monotonic()
        recorded = request.recorded
        present = scan(client, self._database, self._tables, request.topic_ids, quiet, recorded)
        self._observe(
            PartitionsRecovered(
                group=self._group,
                partitions=request.names,
                fence_seconds=fenced_at - started,
                await_seconds=quiet_at - fenced_at,
                scan_seconds=time.monotonic() - quiet_at,
                inserts_killed=killed,
                batches_to_complete=sum(len(start.cuts) for start in recorded.values()),
                offsets_present=sum(ranges.count for ranges in present.values()),
            )
        )
        return recovered(quiet, recorded, present)
