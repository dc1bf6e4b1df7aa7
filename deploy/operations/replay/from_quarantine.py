"""Moves those messages of quarantine into the table that today's mapping takes; the others stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.operations.replay.claim import claim, delete, of_partition
from deploy.operations.replay.context import ReplayContext
from deploy.operations.replay.record import Kind, Phase, Records, ReplayRecord
from deploy.operations.replay.request import Request
from deploy.operations.replay.result import PartitionResult
from deploy.operations.replay.storing import Storing
from ingest_worker.storing.batch import Limits, Origin
from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRange, OffsetRanges
from schemas.mapping.views import mapping_of
from schemas.own_names import KEY, MAY_BE_STORED, OFFSET, PARTITION, TIMESTAMP, TOPIC, TOPIC_ID, VALUE, quarantine_table
from schemas.sql.text import qualified

_IS_RIGHT = "is_right"
_BYTES = {"String": "bytes"}
"""A message that is not valid UTF-8 must come out as it went in."""


@dataclass(frozen=True, slots=True)
class QuarantinedPartition:
    """A partition of a topic of which messages are in quarantine, and the offsets of those that are asked for."""

    origin: Origin
    offsets: OffsetRange


def quarantined_partitions(context: ReplayContext, request: Request) -> list[QuarantinedPartition]:
    """Where there is something to look at. A time span becomes, in each partition, the offsets from its first message
    to its last one. Topics of earlier days count too: nothing is asked of Kafka."""
    conditions, parameters = ["1"], dict[str, Any]()
    if request.partitions:
        conditions.append(f"{PARTITION} IN {{partitions:Array(Int32)}}")
        parameters["partitions"] = list(request.partitions)
    if request.offsets is not None:
        conditions.append(f"{OFFSET} BETWEEN {request.offsets.first} AND {request.offsets.last}")
    for moment, comparison in ((request.since, ">="), (request.until, "<")):
        if moment is not None:
            conditions.append(f"toUnixTimestamp64Milli({TIMESTAMP}) {comparison} {int(moment.timestamp() * 1000)}")
    rows = context.client.query(
        f"SELECT {TOPIC}, {TOPIC_ID}, {PARTITION}, min({OFFSET}), max({OFFSET})"
        f" FROM {qualified(context.database, quarantine_table(context.name))}"
        f" WHERE {' AND '.join(conditions)} GROUP BY ALL ORDER BY ALL",
        parameters=parameters,
    ).result_rows
    return [
        QuarantinedPartition(Origin(context.name, topic, topic_id, number), OffsetRange(first, last))
        for topic, topic_id, number, first, last in rows
    ]


class _Quarantine:
    """The raw messages of one partition, and what today's mapping says of them."""

    def __init__(self, context: ReplayContext, origin: Origin) -> None:
        self._context = context
        self._origin = origin
        self._table = qualified(context.database, quarantine_table(context.name))

    def read(self, ranges: Sequence[OffsetRange]) -> Iterator[Run]:
        """Those messages in `ranges` that the mapping takes, each once."""
        whole = OffsetRange(ranges[0].first, ranges[-1].last)
        asked = OffsetRanges.of((entry.first, entry.last) for entry in ranges)
        names = [
            OFFSET,
            VALUE,
            f"toUnixTimestamp64Milli({TIMESTAMP})",
            *([KEY] if self._context.feed.store_key else []),
        ]
        rows = self._context.client.query(
            f"SELECT {', '.join(names)} FROM {self._table}"
            f" WHERE {of_partition(self._origin)} AND {OFFSET} IN ({self._right(whole)}) AND {_within(whole)}"
            f" ORDER BY {OFFSET} LIMIT 1 BY {OFFSET}",
            query_formats=_BYTES,
        ).result_rows
        kept = [row for row in rows if asked.last_of(row[0]) is not None]
        if not kept:
            return
        offsets, values, timestamps, *keys = map(list, zip(*kept, strict=True))
        yield Run(
            topic=self._origin.topic,
            partition=self._origin.partition,
            values=values,
            offsets=offsets,
            timestamps=timestamps,
            keys=keys[0] if keys else (),
            payload_bytes=sum(map(len, values)) + (sum(map(len, keys[0])) if keys else 0),
        )

    def next_chunk(self, within: OffsetRange, limits: Limits) -> OffsetRange | None:
        """The first offsets within which the mapping takes as many messages as one insert may hold; None for none."""
        rows = self._context.client.query(
            f"SELECT {OFFSET}, length({VALUE}) FROM ({self._judged(within)}) WHERE {_IS_RIGHT}"
            f" ORDER BY {OFFSET} LIMIT 1 BY {OFFSET} LIMIT {limits.rows}"
        ).result_rows
        held = 0
        last: int | None = None
        for offset, size in rows:
            held += size
            if last is not None and held > limits.payload_bytes:
                break
            last = offset
        return OffsetRange(rows[0][0], last) if last is not None else None

    def count(self, within: OffsetRange) -> tuple[int, int]:
        """Messages that the mapping takes, and those that it does not."""
        found = self._context.client.query(
            f"SELECT uniqExactIf({OFFSET}, {_IS_RIGHT}), uniqExactIf({OFFSET}, NOT {_IS_RIGHT})"
            f" FROM ({self._judged(within)})"
        ).result_rows
        return int(found[0][0]), int(found[0][1])

    def stored(self, within: OffsetRange) -> str:
        """SQL: the offsets that the table holds."""
        return (
            f"SELECT {OFFSET} FROM {qualified(self._context.database, self._context.name)}"
            f" WHERE {of_partition(self._origin)} AND {_within(within)}"
        )

    def _right(self, within: OffsetRange) -> str:
        """SQL: the offsets of the messages that the mapping takes."""
        return f"SELECT {OFFSET} FROM ({self._judged(within)}) WHERE {_IS_RIGHT}"

    def _judged(self, within: OffsetRange) -> str:
        """SQL: offset, value and whether it is right, by the SELECTs of the mapping's own views."""
        messages = (
            f"(SELECT {OFFSET}, {VALUE} FROM {self._table} WHERE {of_partition(self._origin)} AND {_within(within)})"
        )
        mapping = mapping_of(self._context.data_source, {OFFSET: "Int64", VALUE: "String"}, messages)
        return f"SELECT {OFFSET}, {VALUE}, {MAY_BE_STORED} AS {_IS_RIGHT} FROM ({mapping.judged})"


class QuarantineReplay:
    """Of one data source. A message is in the table before it leaves quarantine: what dies in between is in both, and
    the next replay takes it from quarantine."""

    def __init__(self, context: ReplayContext) -> None:
        self._context = context

    def preview(self, quarantined: QuarantinedPartition) -> PartitionResult:
        """What `run` would do. Changes nothing."""
        result = self._result(quarantined)
        result.missing, result.still_wrong = _Quarantine(self._context, quarantined.origin).count(quarantined.offsets)
        return result

    def run(self, quarantined: QuarantinedPartition) -> PartitionResult:
        """Raises `ServiceError`; whatever happens, running it again goes on."""
        context, result = self._context, self._result(quarantined)
        origin = claim(context.client, context.database, quarantined.origin)
        quarantine = _Quarantine(context, origin)
        records = Records(context.client, context.database, origin, Kind.QUARANTINE)
        record = records.read() or ReplayRecord(Phase.DONE, context.mapping)
        storing = Storing(context, origin, records, quarantine, record, result)
        removal = _Removal(context, origin, quarantine, records, result)
        try:
            self._finish(storing, removal, record)
            storing.write(ReplayRecord(Phase.STORING, context.mapping))
            if context.keeps_offsets:
                removal.take_out(quarantined.offsets)
            left: OffsetRange | None = quarantined.offsets
            while left is not None and (chunk := quarantine.next_chunk(left, context.limits)) is not None:
                for batch in storing.store([chunk]):
                    # From here on it is stored: only to be taken out, whatever the mapping is by then.
                    storing.write(replace(storing.record, phase=Phase.DELETING))
                    removal.take_out(OffsetRange(batch.first_offset, batch.last_offset))
                left = left.from_(chunk.last + 1)
            storing.write(ReplayRecord(Phase.DONE, context.mapping))
        finally:
            storing.close()
        result.missing, result.still_wrong = quarantine.count(quarantined.offsets)
        if result.missing:
            result.notes.append(f"{result.missing} messages that the mapping takes are in quarantine still")
        return result

    @staticmethod
    def _finish(storing: Storing, removal: _Removal, record: ReplayRecord) -> None:
        """What a former replay was at when it died."""
        if record.batch is not None and (record.phase is Phase.DELETING or storing.complete()):
            removal.take_out(OffsetRange(record.batch.ranges[0].first, record.batch.ranges[-1].last))

    def _result(self, quarantined: QuarantinedPartition) -> PartitionResult:
        origin = quarantined.origin
        return PartitionResult(origin.topic, origin.topic_id, origin.partition, quarantined.offsets)


@dataclass(frozen=True, slots=True)
class _Removal:
    """Takes out of quarantine what is in the table; where that cannot be read back, what the record names."""

    context: ReplayContext
    origin: Origin
    quarantine: _Quarantine
    records: Records
    result: PartitionResult

    def take_out(self, within: OffsetRange) -> None:
        moved = self.quarantine.stored(within) if self.context.keeps_offsets else self.records.offsets
        condition = f"{_within(within)} AND {OFFSET} IN ({moved})"
        table = quarantine_table(self.context.name)
        rows = self.context.client.query(
            f"SELECT count() FROM {qualified(self.context.database, table)}"
            f" WHERE {of_partition(self.origin)} AND {condition}"
        ).result_rows[0][0]
        if rows:
            delete(self.context.client, self.context.database, self.origin, [table], condition)
            self.result.deleted += rows


def _within(offsets: OffsetRange) -> str:
    return f"{OFFSET} BETWEEN {offsets.first} AND {offsets.last}"
