"""Which topic feeds a data source, under which group, and from where a new group starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.model import Connection, DataSource
from schemas.own_names import HEADERS, KEY, VALUE

DEFAULT_GROUP = "birdhouse"


@dataclass(frozen=True, slots=True)
class Feed:
    """The Kafka side of one data source.

    `connection` names the `.connection` file with the broker's settings; None means the brokers of the
    environment. An empty `topic` is one whose secret has no value. `auto_offset_reset` decides only while the group
    has no committed offset.
    """

    data_source: str
    topic: str
    group_id: str = DEFAULT_GROUP
    auto_offset_reset: Literal["earliest", "latest", "none"] = "earliest"
    connection: str | None = None
    store_raw_value: bool = False
    store_headers: bool = False
    store_key: bool = False  # the schema declares `__key`


def feed_of(data_source: DataSource) -> Feed | None:
    """The feed of a data source, or None when it takes no events: none of its columns has a JSONPath and it has
    no KAFKA_ lines (the target of a materialized view or a copy, a CSV import)."""
    kafka = data_source.kafka
    declared = {column.name for column in data_source.columns}
    if kafka is not None:
        return Feed(
            data_source=data_source.name,
            topic=kafka.topic,
            group_id=kafka.group_id,
            auto_offset_reset=kafka.auto_offset_reset,
            connection=kafka.connection,
            store_raw_value=kafka.store_raw_value,
            store_headers=kafka.store_headers,
            store_key=KEY in declared,
        )
    if any(column.json_path is not None for column in data_source.columns):
        # Without KAFKA_ lines there is nothing but the column itself to ask for the message's own facts with.
        return Feed(
            data_source=data_source.name,
            topic=data_source.name,
            store_raw_value=VALUE in declared,
            store_headers=HEADERS in declared,
            store_key=KEY in declared,
        )
    return None


def connection_of(feeds: Iterable[Feed], connections: Mapping[str, Connection]) -> Connection | None:
    """The connection that all feeds with a connection share, if there is one in the project. Who writes events needs
    one set of brokers: the environment's, or this."""
    names = {feed.connection for feed in feeds if feed.connection is not None}
    return connections.get(names.pop()) if len(names) == 1 else None


def feeds_of(data_sources: Iterable[DataSource]) -> tuple[Feed, ...]:
    """The feeds of all data sources that take events, in their order; not those whose topic's secret has no value."""
    return tuple(feed for feed in map(feed_of, data_sources) if feed is not None and feed.topic)
