"""Reading back which offsets ClickHouse holds already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from ingest_worker.errors import ScanError
from ingest_worker.storing.fence.recovery import Quiet
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import ResumePoint
from schemas.model import DataSource
from schemas.own_names import OFFSET, PARTITION, TOPIC, TOPIC_ID, quarantine_table
from schemas.sql.text import identifier, qualified

# Offsets are looked at in stretches: one that is whole is one row of the answer, and only broken ones are read offset
# by offset, few at a time, so that neither side ever holds more than these many offsets.
_STRETCH = 65_536
_STRETCHES_A_QUERY = 16
# Sixteen bytes each: an event stream has one range, or two after a crash; a compacted topic one for every hole.
MOST_RANGES = 1_000_000


@dataclass(frozen=True, slots=True)
class OffsetTables:
    """The tables of a data source that remember the offsets of the messages that they were given.

    `tables` keep every row, so that an offset that is missing in all of them was never stored. An engine that merges
    rows away (Replacing, Summing, Aggregating, Collapsing), one that stores nothing and one with a TTL forget offsets:
    of such a data source that is the quarantine alone. A summing engine adds up even the hidden partition number.
    """

    tables: tuple[str, ...]
    keeps_every_row: bool = True
    keeps_partitions: bool = True


def offset_tables_of(data_source: DataSource) -> OffsetTables:
    quarantine, engine = quarantine_table(data_source.name), data_source.engine
    if engine.name == "MergeTree" and engine.ttl is None:
        return OffsetTables((data_source.name, quarantine))
    sums_all = engine.name == "SummingMergeTree" and not engine.columns
    return OffsetTables((quarantine,), keeps_every_row=False, keeps_partitions=not sums_all)


class Scan:
    """The offsets that one data source's tables hold of partitions of one topic. `tables` as in `OffsetTables`."""

    def __init__(self, client: Client, database: str, tables: Sequence[str], topic: str, topic_id: str) -> None:
        self._client = client
        self._source = " UNION ALL ".join(
            f"SELECT toInt32({identifier(PARTITION)}) AS number, toInt64({identifier(OFFSET)}) AS at"
            f" FROM {qualified(database, table)}"
            f" WHERE {identifier(TOPIC)} = {{topic:String}} AND {identifier(TOPIC_ID)} = {{topic_id:String}}"
            f" AND {identifier(PARTITION)} IN {{partitions:Array(Int32)}} AND {identifier(OFFSET)} >= {{low:Int64}}"
            f" AND {identifier(OFFSET)} <= {{high:Int64}}"
            for table in tables
        )
        self._parameters = {"topic": topic, "topic_id": topic_id}

    def present(self, positions: Mapping[int, int], last: int = 2**63 - 1) -> dict[int, OffsetRanges]:
        """By partition, the stored offsets from `positions` on, up to `last`. Raises `ScanError` when they are too
        scattered."""
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        broken: dict[int, list[int]] = defaultdict(list)
        for number, stretch, low, high, count in self._stretches(positions, last):
            if count == high - low + 1:
                found[number].append((low, high))
            else:
                broken[number].append(stretch)
        for number, stretches in broken.items():
            for chunk in _chunks(stretches):
                found[number] += [(low, high) for low, high in self._islands(number, positions[number], last, chunk)]
                if len(found[number]) > MOST_RANGES:
                    raise ScanError(f"stored offsets of partition {number} lie in more than {MOST_RANGES} ranges")
        return {number: OffsetRanges.of(ranges) for number, ranges in found.items()}

    def _stretches(self, positions: Mapping[int, int], last: int) -> list[tuple[int, ...]]:
        """(partition, stretch, first, last, distinct offsets)."""
        partitions = sorted(positions)
        return self._rows(
            f"SELECT number, intDiv(at, {_STRETCH}) AS stretch, min(at), max(at), groupBitmap(toUInt64(at))"
            f" FROM ({self._source})"
            " WHERE at >= transform(number, {partitions:Array(Int32)}, {positions:Array(Int64)}, toInt64(0))"
            " GROUP BY number, stretch ORDER BY number, stretch",
            partitions=partitions,
            positions=[positions[number] for number in partitions],
            low=min(positions.values()),
            high=last,
        )

    def _islands(self, number: int, position: int, last: int, stretches: Sequence[int]) -> list[tuple[int, ...]]:
        """The ranges within neighbouring stretches of one partition."""
        return self._rows(
            "SELECT min(at), max(at) FROM ("
            "SELECT at, at - row_number() OVER (ORDER BY at) AS island FROM"
            f" (SELECT DISTINCT at FROM ({self._source}) WHERE has({{stretches:Array(Int64)}}, intDiv(at, {_STRETCH})))"
            ") GROUP BY island",
            partitions=[number],
            stretches=list(stretches),
            low=max(position, stretches[0] * _STRETCH),
            high=min(last, stretches[-1] * _STRETCH + _STRETCH - 1),
        )

    def _rows(self, sql: str, **parameters: object) -> list[tuple[int, ...]]:
        result = self._client.query(sql, parameters={**self._parameters, **parameters})
        return [tuple(map(int, row)) for row in result.result_rows]


def scan(
    client: Client,
    database: str,
    offset_tables: Mapping[str, OffsetTables],
    topic_ids: Mapping[str, str],
    _quiet: Quiet,
    recorded: Mapping[FeedPartition, ResumePoint],
) -> dict[FeedPartition, OffsetRanges]:
    """Of every partition of a data source the offsets from its recorded start on that are stored, exactly: never just
    the largest, as one insert spans several table partitions and may have landed in part. `offset_tables` by data
    source."""
    positions: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for fed, start in recorded.items():
        positions[fed.data_source, fed.topic][fed.number] = start.position
    found: dict[FeedPartition, OffsetRanges] = {}
    for (data_source, topic), by_number in positions.items():
        ranges = Scan(client, database, offset_tables[data_source].tables, topic, topic_ids[topic]).present(by_number)
        found |= {FeedPartition(data_source, topic, number): present for number, present in ranges.items()}
    return found


def _chunks(stretches: Sequence[int]) -> Iterable[list[int]]:
    for index in range(0, len(stretches), _STRETCHES_A_QUERY):
        yield list(stretches[index : index + _STRETCHES_A_QUERY])
