"""Stores messages of one partition, batch by batch, each on record before it is sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from deploy.operations.replay.context import ReplayContext
from deploy.operations.replay.deliver import deliver
from deploy.operations.replay.record import Kind, Records, ReplayRecord, SentBatch
from deploy.operations.replay.result import PartitionResult
from ingest_worker.storing.batch import Batch, BatchBuilder, Limits, Origin
from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRange, OffsetRanges, clipped
from ingest_worker.storing.sink import Sink
from schemas.mapping.landing import landing_of
from schemas.tables.settings import DEDUPLICATION_WINDOW
from service.errors import OffsetsGoneError

_PROGRESS_SECONDS = 5.0


class Messages(Protocol):
    """Where messages are read from again."""

    def read(self, ranges: Sequence[OffsetRange]) -> Iterator[Run]:
        """Those at the offsets of rising ranges, in order, in runs of which none goes beyond its range."""
        ...


class Storing:
    """Of one partition that is this replay's. `record` is what it goes on from; it is kept up to date here."""

    def __init__(
        self,
        context: ReplayContext,
        origin: Origin,
        records: Records,
        messages: Messages,
        record: ReplayRecord,
        result: PartitionResult,
    ) -> None:
        self._context = context
        self._origin = origin
        self._records = records
        self._messages = messages
        self.record = record
        self._result = result
        self._sink = Sink(context.connect, context.database, landing_of(context.feed), context.insert_seconds)
        self._reported_at = time.monotonic()

    def close(self) -> None:
        self._sink.close()

    def complete(self) -> bool:
        """Send the batch that a former replay may have left half stored again, the same rows with the same token, so
        that what tables and views have of it is not doubled and what they miss is added. False where it cannot be."""
        sent = self.record.batch
        if sent is None:
            return True
        reason = self._why_other(sent)
        batch = None if reason else self._batch_again(sent)
        if batch is None:
            first, last = sent.ranges[0].first, sent.ranges[-1].last
            self._result.notes.append(
                f"a former replay was killed while it sent {first}-{last} and {reason or 'some of that is gone'}: "
                + (
                    "the tables are made whole, views behind them may hold a part of it or some of it twice"
                    if self._context.keeps_offsets
                    else "some of it may be stored twice"
                )
            )
            return False
        self._deliver(batch)
        self._result.completed += batch.rows
        return True

    def write(self, record: ReplayRecord) -> None:
        self._records.write(record)
        self.record = record

    def store(self, ranges: Sequence[OffsetRange]) -> Iterator[Batch]:
        """Store the messages at these offsets; gives each batch that is stored."""
        for batch in batches_of(self._messages.read(ranges), self._origin, self._context.limits):
            yield self._store(batch, self._named(batch, ranges))

    def _store(self, batch: Batch, ranges: Sequence[OffsetRange]) -> Batch:
        sent = SentBatch(self._origin.replay, ranges, batch.rows, self._context.blocks())
        self.write(replace(self.record, batch=sent))
        self._deliver(batch)
        self._result.stored += batch.rows
        counted = self._sink.count_quarantined(batch)
        self._result.quarantined += counted.rows if counted else 0
        if time.monotonic() - self._reported_at > _PROGRESS_SECONDS:
            self._reported_at = time.monotonic()
            place = f"{self._origin.topic}/{self._origin.partition}"
            self._context.progress(f"{place}: stored {self._result.stored} messages, at offset {batch.last_offset}")
        return batch

    def _deliver(self, batch: Batch) -> None:
        context = self._context
        deliver(
            self._sink,
            batch,
            self._origin.replay,
            context.progress,
            lambda: context.deployed_mapping() == context.mapping,
        )

    def _named(self, batch: Batch, ranges: Sequence[OffsetRange]) -> Sequence[OffsetRange]:
        """What names a batch's content: of a topic, which never changes, where its messages were asked for; of a
        quarantine, which others fill and empty, each offset."""
        if self._records.kind is Kind.TOPIC:
            return clipped(ranges, batch.first_offset, batch.last_offset)
        return tuple(OffsetRanges.of_offsets(batch.offsets))

    def _why_other(self, sent: SentBatch) -> str:
        """Why the same token would not do."""
        if self.record.mapping != self._context.mapping:
            return "the mapping has changed since"
        if self._context.blocks() - sent.block >= DEDUPLICATION_WINDOW // 2:
            return "the tables may have forgotten its token since"
        return ""

    def _batch_again(self, sent: SentBatch) -> Batch | None:
        builder = BatchBuilder(0.0)
        try:
            for run in self._messages.read(sent.ranges):
                builder.append(run)
        except OffsetsGoneError:
            return None
        return builder.build(replace(self._origin, replay=sent.run)) if builder.rows == sent.rows else None


def batches_of(runs: Iterable[Run], origin: Origin, limits: Limits) -> Iterator[Batch]:
    """Batches as large as the limits allow. One may span offsets that nobody asked for: the record names what it
    holds."""
    builder = BatchBuilder(0.0)
    for run in runs:
        rest: Run | None = run
        while rest is not None:
            rest = builder.add(rest, limits)
            if rest is not None or builder.is_full(limits):
                yield builder.build(origin)
                builder = BatchBuilder(0.0)
    if builder.rows:
        yield builder.build(origin)
