"""The door into ClickHouse: the columns that the worker inserts raw messages under, and the keys of the fence table."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.feed import Feed
from schemas.own_names import FENCE_KEY, HEADERS, KEY, OFFSET, OWNER, PARTITION, TIMESTAMP, TOPIC, VALUE, landing_table

_TYPES = {
    TOPIC: "LowCardinality(String)",
    PARTITION: "Int32",
    OFFSET: "Int64",
    TIMESTAMP: "Int64",  # milliseconds since 1970, converted in the view: a DateTime64 costs a Python object a row
    FENCE_KEY: "LowCardinality(String)",
    OWNER: "UInt64",
    VALUE: "String",  # as produced; a tombstone arrives empty
    KEY: "String",
    HEADERS: "Map(String, String)",
}


@dataclass(frozen=True, slots=True)
class Landing:
    """The landing table of one data source.

    `columns` are what an insert names, in order, as (name, ClickHouse type). Key and headers are there only
    when the data source declares a column for them: reading them costs the worker time for every message.
    """

    table: str
    columns: tuple[tuple[str, str], ...]


def landing_of(feed: Feed) -> Landing:
    """The landing table that the messages of `feed` are inserted into."""
    names = [TOPIC, PARTITION, OFFSET, TIMESTAMP, FENCE_KEY, OWNER, VALUE]
    if feed.store_key:
        names.append(KEY)
    if feed.store_headers:
        names.append(HEADERS)
    return Landing(landing_table(feed.data_source), tuple((name, _TYPES[name]) for name in names))


def fence_key(data_source: str, topic_id: str, partition: int) -> str:
    """The key under which the owner of one partition of one topic is recorded for one data source."""
    return f"{data_source}/{topic_id}/{partition}"


def replay_key(data_source: str, topic_id: str, partition: int) -> str:
    """The key under which the running `birdhouse replay` of that partition is recorded: workers go on beside it."""
    return f"{data_source}/replay/{topic_id}/{partition}"


def topic_key(data_source: str, topic: str, topic_id: str = "") -> str:
    """The key under which it is recorded that a group has loaded a topic for a data source; without an id, what all
    such keys of that topic's name begin with. Kafka forgets a group's offsets with the topic: that is what is left."""
    return f"{data_source}/topic/{topic}/{topic_id}"


def topic_id_of(fence_key_sql: str) -> str:
    """SQL: the topic id in a fence key."""
    # Functions from text to text work once for each value of a LowCardinality column; one that made an array would not.
    return f"substringIndex(substringIndex({fence_key_sql}, '/', -2), '/', 1)"
