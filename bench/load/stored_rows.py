"""SQL that fills the table inside ClickHouse with rows like those of `data.py`, fast, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

from bench.load.data import DAYS, EVENT_TYPES, FIRST_MOMENT
from schemas.sql.text import identifier, literal

_COLUMNS = (
    "event_id, event_type, user_id, session_id, timestamp, platform, app_version, device_type, os, country, properties"
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """The topic that rows shall say they came from, one after the other over its partitions."""

    topic: str
    topic_id: str
    partitions: int

    @property
    def columns(self) -> str:
        return ", __in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp"

    @property
    def values(self) -> str:
        where = f"{literal(self.topic)}, {literal(self.topic_id)}, number % {self.partitions}"
        return f", {where}, number DIV {self.partitions}, toDateTime64(timestamp, 3)"


@dataclass(frozen=True, slots=True)
class StoredRows:
    """`rows` rows of users `first_user` and on, `rows_each` of every user at any size, over the same 60 days.

    Every user is as active as any other, so that a question for one user means the same at each size.
    """

    rows: int
    rows_each: int
    seed: int
    first_user: int = 0

    @property
    def users(self) -> int:
        return self.rows // self.rows_each

    def insert(self, database: str, table: str = "events", provenance: Provenance | None = None) -> str:
        more_columns, more_values = (provenance.columns, provenance.values) if provenance else ("", "")
        # Moments rise with the number, so that parts are sorted when they are written and merging them is cheap; users
        # come in turn. One thread keeps the order, and the blocks are large so that there are few parts.
        return f"""
            INSERT INTO {identifier(database)}.{identifier(table)} ({_COLUMNS}{more_columns})
            SELECT
                'ev_' || lower(hex(h)) AS event_id,
                {_weighted("h % 1000")} AS event_type,
                'user_' || toString(user) AS user_id,
                'sess_' || toString(user) || '_' || toString(moment DIV 1800) AS session_id,
                toDateTime({int(FIRST_MOMENT.timestamp())} + moment) AS timestamp,
                ['web', 'web', 'web', 'android', 'ios'][1 + h2 % 5] AS platform,
                '3.' || toString(user % 9) || '.' || toString(h2 % 7) AS app_version,
                ['desktop', 'mobile', 'mobile', 'tablet'][1 + h2 DIV 10 % 4] AS device_type,
                ['Windows', 'Android', 'iOS', 'macOS', 'Linux'][1 + h2 DIV 100 % 5] AS os,
                ['US', 'US', 'IN', 'DE', 'FR', 'GB', 'BR', 'ES', 'JP'][1 + h2 DIV 1000 % 9] AS country,
                '{{"referrer":"google","value":' || toString(user % 1000) || '}}' AS properties{more_values}
            FROM (
                SELECT
                    number,
                    sipHash64(number, {self.first_user}, {self.seed}) AS h,
                    bitShiftRight(h, 32) AS h2,
                    {self.first_user} + number % {self.users} AS user,
                    number * {DAYS * 86_400} DIV {self.rows} AS moment
                FROM numbers({self.users * self.rows_each})
            )
            SETTINGS max_threads = 1, max_insert_threads = 1, max_block_size = 1000000,
                min_insert_block_size_rows = 1000000, max_partitions_per_insert_block = 0, max_execution_time = 0"""


def _weighted(thousandth: str) -> str:
    bounds, names, total = [], [], 0
    for name, weight in EVENT_TYPES.items():
        total += weight
        bounds.append(f"{thousandth} < {total}")
        names.append(literal(name))
    pairs = ", ".join(f"{bound}, {name}" for bound, name in zip(bounds[:-1], names[:-1], strict=True))
    return f"multiIf({pairs}, {names[-1]})"


def merge(database: str, table: str = "events") -> str:
    """One part a month, as a table is after a quiet night."""
    return f"OPTIMIZE TABLE {identifier(database)}.{identifier(table)} FINAL SETTINGS max_execution_time = 0"
