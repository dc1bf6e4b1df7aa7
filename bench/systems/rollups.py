"""Rollups behind the table of a bench: what people keep of their events, each in a table that counts them exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError
from schemas.sql.text import identifier

# What every rollup calls the number of its events.
COUNT = "events"


@dataclass(frozen=True, slots=True)
class Rollup:
    """A materialized pipe over `events` and its target: `columns` and `select` are project files' text, and `select`
    counts what it reads as `events`."""

    table: str
    columns: str
    engine: str
    sorting_key: str
    select: str

    @property
    def pipe(self) -> str:
        return f"into_{self.table}"

    @property
    def data_source(self) -> str:
        schema = self.columns.replace("\n", "\n    ")
        return f'SCHEMA >\n    {schema}\n\nENGINE "{self.engine}"\nENGINE_SORTING_KEY "{self.sorting_key}"\n'

    @property
    def materialized(self) -> str:
        select = self.select.replace("\n", "\n    ")
        return f"NODE rollup\nSQL >\n    {select}\n\nTYPE materialized\nDATASOURCE {self.table}\n"


# A few rows an insert with states; a few rows that are summed up; and a row for each user that an insert knows.
ROLLUPS = (
    Rollup(
        "type_hours",
        "`hour` DateTime,\n`event_type` String,\n`events` SimpleAggregateFunction(sum, UInt64),\n"
        "`users` AggregateFunction(uniqCombined(14), String)",
        "AggregatingMergeTree",
        "event_type, hour",
        "SELECT toStartOfHour(timestamp) AS hour, event_type, count() AS events,\n"
        "    uniqCombinedState(14)(user_id) AS users\nFROM events\nGROUP BY hour, event_type",
    ),
    Rollup(
        "platform_days",
        "`day` Date,\n`platform` String,\n`country` String,\n`events` UInt64",
        "SummingMergeTree",
        "platform, country, day",
        "SELECT toDate(timestamp) AS day, platform, country, count() AS events\nFROM events\n"
        "GROUP BY day, platform, country",
    ),
    Rollup(
        "users",
        "`user_id` String,\n`events` SimpleAggregateFunction(sum, UInt64),\n"
        "`last_seen` SimpleAggregateFunction(max, DateTime)",
        "AggregatingMergeTree",
        "user_id",
        "SELECT user_id, count() AS events, max(timestamp) AS last_seen\nFROM events\nGROUP BY user_id",
    ),
)


def counted(ask: Callable[[str], list[list[Any]]], rollup: Rollup) -> int:
    """How many events a rollup counts."""
    return int(ask(f"SELECT sum({COUNT}) FROM {identifier(rollup.table)}")[0][0])


def verify_rollup(ask: Callable[[str], list[list[Any]]], rollup: Rollup, rows: int) -> None:
    """Raises `BenchError` unless it counts each of so many events once."""
    found = counted(ask, rollup)
    if found != rows:
        raise BenchError(f"the rollup `{rollup.table}` counts {found} events of {rows}")
