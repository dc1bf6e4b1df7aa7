"""What a replay has sent, written down in ClickHouse before it is sent, so that the next one can finish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.errors import TakenOverError
from ingest_worker.storing.batch import Origin
from ingest_worker.storing.ranges import OffsetRange
from schemas.mapping.landing import replay_key
from schemas.own_names import FENCE_TABLE, RECORD_TABLE
from schemas.sql.text import literal, qualified
from service.clickhouse.codes import Code


class Phase(StrEnum):
    """How far a replay of one partition has come."""

    DELETING = "deleting"
    STORING = "storing"
    DONE = "done"


class Kind(StrEnum):
    """Where messages are read from. Each has a record of its own, which the other leaves alone."""

    TOPIC = "topic"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class SentBatch:
    """The batch that may be half stored: the messages at the offsets of `ranges`, `rows` in all, sent by `run`.

    `block` is how many blocks the data source's table had taken by then: tables know a token for so many blocks.
    """

    run: int
    ranges: Sequence[OffsetRange]
    rows: int
    block: int


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """Of one partition of one data source. `replaced` is the range whose rows are deleted first, `mapping` the
    fingerprint of the mapping that stores."""

    phase: Phase
    mapping: str
    replaced: OffsetRange | None = None
    batch: SentBatch | None = None


def owner_sql(database: str, key: str) -> str:
    """SQL: the owner who is written under a key now."""
    return f"joinGet({literal(f'{database}.{FENCE_TABLE}')}, 'owner', {key})"


def record_ddl(database: str) -> str:
    """CREATE TABLE of the records. A former owner cannot write, as it could not insert; each is on disk when it is
    acknowledged, which what it names may be."""
    return (
        f"CREATE TABLE IF NOT EXISTS {qualified(database, RECORD_TABLE)} (\n"
        "    `key` String, `kind` LowCardinality(String), `owner` UInt64, `version` UInt64,\n"
        "    `phase` LowCardinality(String), `mapping` String, `replaced` Array(Int64),\n"
        "    `run` UInt64, `firsts` Array(Int64), `lasts` Array(Int64), `rows` UInt64, `block` Int64,\n"
        "    `written_at` DateTime64(3, 'UTC') DEFAULT now64(3),\n"
        f"    CONSTRAINT `{FENCE_TABLE}` CHECK `owner` = {owner_sql(database, '`key`')}\n"
        ")\nENGINE = ReplacingMergeTree(`version`) ORDER BY (`key`, `kind`)\n"
        "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )


class Records:
    """The record of one partition, for its owner. Make it after the claim: what a former owner wrote is final then."""

    def __init__(self, client: Client, database: str, origin: Origin, kind: Kind) -> None:
        self._client = client
        self._database = database
        self._origin = origin
        self.kind = kind
        self._key = replay_key(origin.data_source, origin.topic_id, origin.partition)
        self._table = qualified(database, RECORD_TABLE)
        self._version = 0

    @property
    def latest(self) -> str:
        """SQL: which row of the table of records is the last one."""
        return f"key = {literal(self._key)} AND kind = {literal(self.kind.value)} ORDER BY version DESC LIMIT 1"

    @property
    def offsets(self) -> str:
        """SQL: the offsets that the last record names."""
        each = "arrayJoin(arrayFlatten(arrayMap((first, last) -> range(first, last + 1), firsts, lasts)))"
        return f"SELECT {each} FROM (SELECT firsts, lasts FROM {self._table} WHERE {self.latest})"

    def read(self) -> ReplayRecord | None:
        """None when nothing was ever replayed. Makes the table of records when it is not there."""
        self._client.command(record_ddl(self._database))
        rows = self._client.query(
            "SELECT version, phase, mapping, replaced, run, firsts, lasts, rows, block"
            f" FROM {self._table} WHERE {self.latest}"
        ).result_rows
        for version, phase, mapping, replaced, run, firsts, lasts, count, block in rows:
            self._version = version
            ranges = tuple(map(OffsetRange, firsts, lasts))
            return ReplayRecord(
                Phase(phase),
                mapping,
                OffsetRange(*replaced) if replaced else None,
                SentBatch(run, ranges, count, block) if ranges else None,
            )
        return None

    def write(self, record: ReplayRecord) -> None:
        """Raises `TakenOverError` when somebody else owns the partition by now."""
        batch = record.batch
        row = {
            "key": self._key,
            "kind": self.kind.value,
            "owner": self._origin.replay,
            "version": self._version + 1,
            "phase": record.phase.value,
            "mapping": record.mapping,
            "replaced": [record.replaced.first, record.replaced.last] if record.replaced else [],
            "run": batch.run if batch else 0,
            "firsts": [entry.first for entry in batch.ranges] if batch else [],
            "lasts": [entry.last for entry in batch.ranges] if batch else [],
            "rows": batch.rows if batch else 0,
            "block": batch.block if batch else 0,
        }
        try:
            self._client.insert(
                RECORD_TABLE,
                [list(row.values())],
                column_names=list(row),
                database=self._database,
                settings={"async_insert": 0},
            )
        except DatabaseError as error:
            if error.code == Code.VIOLATED_CONSTRAINT:
                origin = self._origin
                raise TakenOverError(origin.data_source, origin.topic, origin.partition) from error
            raise
        self._version += 1
