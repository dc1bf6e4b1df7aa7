"""The thread that takes newly assigned partitions over, so that reading never waits for ClickHouse."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from clickhouse_connect.driver.client import Client

from ingest_worker.context import Context
from ingest_worker.observing.observations import report_failure
from ingest_worker.observing.takeovers import HandoverOdd, OwnershipDelayed, OwnershipTaken, PartitionsRecovered
from ingest_worker.observing.topics import TopicReplaced
from ingest_worker.storing.fence.former_inserts import await_former_inserts
from ingest_worker.storing.fence.ownership import former_owners, take_ownership
from ingest_worker.storing.fence.recovery import Recovered, recovered
from ingest_worker.storing.fence.scan import OffsetTables, scan
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.storing.sink import short_message
from ingest_worker.takeover.handover import Oddity, made_again, oddities, refused, skipped
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import Takeover, TakeoverRequest
from service.backoff import Backoff

_BACKOFF = Backoff(first=0.2, longest=5.0)


class Claimer:
    """Makes the takeovers that it is asked for, one after the other, each until it succeeds or nobody wants it.

    `offset_tables` say, by data source, what can be read back. `is_wanted` says whether a partition is still assigned,
    `on_taken` is told of each success; both are called from the claimer's thread.
    """

    def __init__(
        self,
        context: Context,
        group: str,
        offset_tables: Mapping[str, OffsetTables],
        is_wanted: Callable[[Partition], bool],
        on_taken: Callable[[Takeover], None],
    ) -> None:
        self._group = group
        self._connect = context.connect
        self._database = context.database
        self._offset_tables = offset_tables
        self._broker_keeps_records = context.broker_keeps_records
        self._observe = context.observe
        self._clock = context.clock
        self._is_wanted = is_wanted
        self._on_taken = on_taken
        self._asked: queue.SimpleQueue[TakeoverRequest | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def ask(self, request: TakeoverRequest) -> None:
        """Have partitions taken over. Does not block."""
        self._asked.put(request)

    def run(self) -> None:
        """Work until `stop`, whatever fails. Blocks."""
        while (request := self._asked.get()) is not None and not self._stop.is_set():
            self._see_through(request)

    def stop(self) -> None:
        self._stop.set()
        self._asked.put(None)

    def _see_through(self, request: TakeoverRequest) -> None:
        for failures in itertools.count(1):
            try:
                self._take(request)
                return
            except Exception as error:
                pause = _BACKOFF.delay(failures)
                report_failure("claimer", error, self._observe, pause)
                self._stop.wait(pause)

    def _take(self, request: TakeoverRequest) -> None:
        started, failures = self._clock(), 0
        # A claim of what the group has moved since would fence the owner that it moved it to.
        while not self._stop.is_set() and (request := self._wanted_of(request)).partitions:
            result = self._attempt(request)
            if isinstance(result, Takeover):
                taken = request.without(result.refused).names
                if taken:
                    self._observe(OwnershipTaken(self._group, taken, self._clock() - started))
                self._on_taken(result)
                return
            failures += 1
            delay = _BACKOFF.delay(failures)
            self._observe(OwnershipDelayed(self._group, request.names, delay, short_message(result)))
            self._stop.wait(delay)

    def _wanted_of(self, request: TakeoverRequest) -> TakeoverRequest:
        return request.without({entry.id for entry in request.partitions if not self._is_wanted(entry)})

    def _attempt(self, request: TakeoverRequest) -> Takeover | Exception:
        client: Client | None = None
        try:
            client = self._connect()
            left_alone = self._judge(client, request)
            rest = self._begun_anew(client, request.without(left_alone))
            result = self._recover(client, rest) if rest.partitions else None
            return Takeover(request.partitions, result, left_alone, rest.anew)
        except Exception as error:
            return error
        finally:
            # Takeovers are rare, so that none needs a connection kept open for it.
            if client is not None:
                with suppress(Exception):
                    client.close()

    def _judge(self, client: Client, request: TakeoverRequest) -> dict[PartitionId, str]:
        """The partitions that must be left alone, with the reason; says what else is odd."""
        former = former_owners(client, self._database, request.claim.keys)
        odd = oddities(request.partitions, request.feed_partitions, former, self._group, self._broker_keeps_records)
        bad = refused(client, self._database, odd, self._offset_tables, request.topic_ids)
        for oddity in Oddity:
            parts = [fed for fed, found in odd.items() if found is oddity and fed not in bad]
            if parts:
                gaps = skipped(
                    client, self._database, dict.fromkeys(parts, oddity), self._offset_tables, request.partitions
                )
                self._observe(HandoverOdd(self._group, _names(parts), oddity.value, tuple(gaps)))
        return {fed.partition: f"data source `{fed.data_source}`: {oddity.value}" for fed, oddity in bad.items()}

    def _begun_anew(self, client: Client, request: TakeoverRequest) -> TakeoverRequest:
        found = made_again(client, self._database, request.partitions, request.feed_partitions, self._group)
        for topic, former_id in {topic: former_id for (topic, _), former_id in found.items()}.items():
            self._observe(TopicReplaced(self._group, topic, former_id, request.topic_ids[topic]))
        return replace(request, anew=frozenset(found))

    def _recover(self, client: Client, request: TakeoverRequest) -> Recovered:
        """The steps in their order; each needs what the one before it gave."""
        started = self._clock()
        fenced = take_ownership(client, self._database, request.claim)
        fenced_at = self._clock()
        quiet, killed = await_former_inserts(client, self._database, fenced, request.feed_partitions, self._stop.wait)
        quiet_at = self._clock()
        recorded = request.recorded
        present = scan(client, self._database, self._offset_tables, request.topic_ids, quiet, recorded)
        self._observe(
            PartitionsRecovered(
                group=self._group,
                partitions=request.names,
                fence_seconds=fenced_at - started,
                await_seconds=quiet_at - fenced_at,
                scan_seconds=self._clock() - quiet_at,
                inserts_killed=killed,
                batches_to_complete=sum(len(start.cuts) for start in recorded.values()),
                offsets_present=sum(ranges.count for ranges in present.values()),
            )
        )
        return recovered(quiet, recorded, present)


def _names(parts: list[FeedPartition]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(fed.partition) for fed in parts))
