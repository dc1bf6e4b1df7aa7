"""The offsets that a data source's table and its quarantine hold, together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.operations.ranges import StoredRun
from schemas.own_names import OFFSET, PARTITION, TOPIC, TOPIC_ID, quarantine_table
from schemas.sql.text import qualified
from service.clickhouse.connect import reason_of
from service.errors import ServerError

CHUNK_OFFSETS = 1_000_000
"""Offsets that ClickHouse looks at together. A chunk that is stored whole and once is one row of the answer; only in
another is each offset looked at, which then takes memory for this many."""

# CHECKSUM_DOESNT_MATCH, CORRUPTED_DATA.
_DAMAGED = frozenset({40, 246})
_DAMAGED_HINT = 'a part of the table is damaged: docs/operations.md, "After a full disk", says what to do, and soon'
# Engines whose tables keep every row that was inserted, as `system.tables` names them.
_KEEPS_ROWS = re.compile(r"(Replicated|Shared)?MergeTree")


@dataclass(frozen=True, slots=True)
class Table:
    """How far the rows of a data source's table can be counted on; a reason where they cannot."""

    merges_rows: str = ""
    removes_rows: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is stored of neighbouring offsets of one partition: how many rows, of how many offsets, and the bounds."""

    number: int
    rows: int
    distinct: int
    first: int
    last: int

    @property
    def is_whole(self) -> bool:
        return self.rows == self.distinct == self.last - self.first + 1


class StoredOffsets:
    """Of one topic, known by its id: a topic that was deleted and made again has the same offsets once more."""

    def __init__(self, client: Client, database: str, data_source: str, topic: str, topic_id: str) -> None:
        self._client = client
        self._database = database
        self._name = data_source
        self._topic = {"topic": topic, "topic_id": topic_id}
        self._tables = [qualified(database, table) for table in (data_source, quarantine_table(data_source))]

    def describe(self) -> Table:
        """Raises `ServerError` when the table is not deployed."""
        rows = self._query(
            "SELECT engine, engine_full FROM system.tables WHERE database = {database:String} AND name = {name:String}",
            {"database": self._database, "name": self._name},
        )
        for engine, definition in rows:
            return Table(
                "" if _KEEPS_ROWS.fullmatch(engine) else f"the engine {engine} does not keep every row",
                "the table's TTL removes rows" if re.search(r"\bTTL\b", definition) else "",
            )
        raise ServerError(
            f"`{self._database}` has no table `{self._name}`", "`birdhouse deploy` makes the project's tables"
        )

    def chunks(self, starts: Mapping[int, int]) -> dict[int, list[Chunk]]:
        """By partition, what is stored from `starts` on, rising. The tables are read once, for all partitions."""
        if not starts:
            return {}
        partitions = sorted(starts)
        rows = self._query(
            f"SELECT number, intDiv(at, {CHUNK_OFFSETS}) AS chunk, count(), groupBitmap(toUInt64(at)), min(at), max(at)"
            f" FROM ({self._offsets(f'{PARTITION} IN {{partitions:Array(Int32)}} AND {OFFSET} >= {{low:Int64}}')})"
            " WHERE at >= transform(number, {partitions:Array(Int32)}, {starts:Array(Int64)}, toInt64(0))"
            " GROUP BY number, chunk ORDER BY number, chunk",
            {
                "partitions": partitions,
                "starts": [starts[number] for number in partitions],
                "low": min(starts.values()),
            },
        )
        found: dict[int, list[Chunk]] = defaultdict(list)
        for number, *chunk in rows:
            found[number].append(Chunk(*chunk))
        return found

    def runs(self, partition: int, start: int, chunks: Sequence[Chunk]) -> Iterator[StoredRun]:
        """The stored offsets of `chunks`, in rising order; only what is not whole is read again."""
        for chunk in chunks:
            if chunk.is_whole:
                yield StoredRun(chunk.first, chunk.last, 1)
            else:
                yield from self._runs_of_chunk(partition, start, chunk.number)

    def former_rows(self) -> dict[int, int]:
        """By partition, the rows of earlier topics of the same name."""
        tables = " UNION ALL ".join(
            f"SELECT {PARTITION} AS number FROM {table}"
            f" WHERE {TOPIC} = {{topic:String}} AND {TOPIC_ID} != {{topic_id:String}}"
            for table in self._tables
        )
        rows = self._query(f"SELECT number, count() FROM ({tables}) GROUP BY number", {})
        return {int(number): int(count) for number, count in rows}

    def _runs_of_chunk(self, partition: int, start: int, number: int) -> Iterator[StoredRun]:
        offsets = self._offsets(
            f"{PARTITION} = {{partition:Int32}} AND {OFFSET} BETWEEN {{low:Int64}} AND {{high:Int64}}"
        )
        # Neighbours that are stored equally often share the distance to their number in that order.
        rows = self._query(
            "SELECT min(at) AS first, max(at), any(copies) FROM ("
            " SELECT at, copies, at - row_number() OVER (PARTITION BY copies ORDER BY at) AS island FROM ("
            f"  SELECT at, count() AS copies FROM ({offsets}) GROUP BY at))"
            " GROUP BY copies, island ORDER BY first",
            {
                "partition": partition,
                "low": max(start, number * CHUNK_OFFSETS),
                "high": (number + 1) * CHUNK_OFFSETS - 1,
            },
        )
        for first, last, copies in rows:
            yield StoredRun(first, last, copies)

    def _offsets(self, condition: str) -> str:
        return " UNION ALL ".join(
            f"SELECT toInt32({PARTITION}) AS number, toInt64({OFFSET}) AS at FROM {table}"
            f" WHERE {TOPIC} = {{topic:String}} AND {TOPIC_ID} = {{topic_id:String}} AND {condition}"
            for table in self._tables
        )

    def _query(self, sql: str, parameters: dict[str, Any]) -> Iterator[Sequence[Any]]:
        try:
            with self._client.query_rows_stream(sql, parameters={**self._topic, **parameters}) as stream:
                yield from stream
        except ClickHouseError as error:
            hint = _DAMAGED_HINT if getattr(error, "code", None) in _DAMAGED else ""
            raise ServerError(f"ClickHouse does not answer: {reason_of(error)}", hint) from error
