"""Replays a range of offsets of one partition from Kafka: what is missing, or with `replace` all of it anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from deploy.errors import ReplayError
from deploy.operations.replay.claim import claim, delete, of_partition
from deploy.operations.replay.context import ReplayContext
from deploy.operations.replay.record import Kind, Phase, Records, ReplayRecord
from deploy.operations.replay.result import PartitionResult
from deploy.operations.replay.span import WINDOW_OFFSETS, Span, span_of
from deploy.operations.replay.storing import Storing
from ingest_worker.storing.batch import Origin
from ingest_worker.storing.fence.scan import Scan
from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRange, OffsetRanges
from ingest_worker.storing.topic import Held, TopicView
from schemas.sql.text import qualified


@dataclass(frozen=True, slots=True)
class _Messages:
    topic: TopicView
    partition: int

    def read(self, ranges: Sequence[OffsetRange]) -> Iterator[Run]:
        return self.topic.read(self.partition, ranges)


class TopicReplay:
    """Of one data source, from the topic that feeds it."""

    def __init__(self, context: ReplayContext, topic: TopicView, topic_id: str) -> None:
        self._context = context
        self._topic = topic
        self._topic_id = topic_id

    def preview(self, partition: int, wanted: OffsetRange, *, replaces: bool) -> PartitionResult:
        """What `run` would do. Changes nothing."""
        held = self._held(partition)
        result, span = self._begin(held, wanted)
        if span.range is None:
            return result
        if replaces:
            result.deleted = self._rows(self._origin(partition), span.range)
            result.missing = span.range.count
            return result
        for window in span.range.windows(WINDOW_OFFSETS):
            present = self._present(partition, window)
            result.present += present.count
            result.missing += window.count - present.count
        return result

    def run(self, partition: int, wanted: OffsetRange, *, replaces: bool) -> PartitionResult:
        """Raises `ServiceError`; whatever happens, running it again goes on."""
        origin = claim(self._context.client, self._context.database, self._origin(partition))
        # What the group has committed is read after the claim: a worker that takes the partition over from now on,
        # wherever its group begins, ends this replay.
        held = self._held(partition)
        result, span = self._begin(held, wanted)
        records = Records(self._context.client, self._context.database, origin, Kind.TOPIC)
        record = records.read() or ReplayRecord(Phase.DONE, self._context.mapping)
        storing = Storing(self._context, origin, records, _Messages(self._topic, partition), record, result)
        try:
            storing.complete()
            storing.write(replace(storing.record, batch=None))
            if span.range is not None:
                self._run(origin, storing, span.range, result, replaces=replaces)
        finally:
            storing.close()
        return result

    def _run(
        self, origin: Origin, storing: Storing, whole: OffsetRange, result: PartitionResult, *, replaces: bool
    ) -> None:
        fresh = ReplayRecord(Phase.STORING, self._context.mapping)
        if replaces and (resumed := self._resumed(storing.record, whole)) is not None:
            if resumed.last < whole.last:
                result.notes.append(
                    f"a replay of {resumed} that had not ended was gone on with: run it again for what comes after"
                )
            fresh = replace(fresh, replaced=storing.record.replaced)
            result.range = whole = resumed
        elif replaces:
            fresh = replace(fresh, replaced=whole)
            storing.write(replace(fresh, phase=Phase.DELETING))
            result.deleted = self._rows(origin, whole)
            self._context.progress(f"{origin.topic}/{origin.partition}: deleting {result.deleted} rows of {whole}")
            # Both tables name the deletion's owner, so that one that outlives this process ends with the next claim.
            delete(self._context.client, self._context.database, origin, self._context.tables, _within(whole))
        storing.write(fresh)
        for window in whole.windows(WINDOW_OFFSETS):
            present = self._present(origin.partition, window)
            result.present += present.count
            for _ in storing.store(list(window.left_by(present))):
                pass
        storing.write(ReplayRecord(Phase.DONE, self._context.mapping))

    def _resumed(self, record: ReplayRecord, whole: OffsetRange) -> OffsetRange | None:
        """What is left to store of a replacement that a former replay began: it has deleted already, and what is
        there was stored anew."""
        was = record.replaced
        if record.phase is not Phase.STORING or was is None or record.mapping != self._context.mapping:
            return None
        is_same = was.first <= whole.first <= was.last <= whole.last
        return OffsetRange(whole.first, was.last) if is_same else None

    def _begin(self, held: Held, wanted: OffsetRange) -> tuple[PartitionResult, Span]:
        span = span_of(wanted, held)
        result = PartitionResult(self._context.feed.topic, self._topic_id, held.partition, span.range)
        result.beyond = span.beyond
        if span.gone is not None:
            stored = sum(self._present(held.partition, window).count for window in span.gone.windows(WINDOW_OFFSETS))
            result.lost = span.gone.count - stored
        return result, span

    def _held(self, partition: int) -> Held:
        held = self._topic.held([partition])[0]
        if held.record is not None and held.record.topic_id != self._topic_id:
            raise ReplayError(
                f"the topic `{self._context.feed.topic}` was deleted and made again, and the group"
                f" `{self._context.feed.group_id}` has an offset of the former one",
                "set the group's offset first, so that the worker reads the new topic",
            )
        return held

    def _origin(self, partition: int) -> Origin:
        return Origin(self._context.name, self._context.feed.topic, self._topic_id, partition)

    def _present(self, partition: int, within: OffsetRange) -> OffsetRanges:
        scan = Scan(
            self._context.client, self._context.database, self._context.tables, self._context.feed.topic, self._topic_id
        )
        return scan.present({partition: within.first}, within.last).get(partition, OffsetRanges())

    def _rows(self, origin: Origin, within: OffsetRange) -> int:
        counts = (
            f"SELECT count() AS rows FROM {qualified(self._context.database, table)}"
            f" WHERE {of_partition(origin)} AND {_within(within)}"
            for table in self._context.tables
        )
        return int(
            self._context.client.query(f"SELECT sum(rows) FROM ({' UNION ALL '.join(counts)})").result_rows[0][0]
        )


def _within(offsets: OffsetRange) -> str:
    return f"`__offset` BETWEEN {offsets.first} AND {offsets.last}"
