"""Which batches of a data source are stored in part, or whole and not committed yet: read from the group's own record.

Nobody but the group knows what its workers have under way, and it is kept beside their commits in Kafka. Of each batch
on record the tables are asked: one of which nothing is stored was refused by the closed door, or never sent. Tables
that do not keep what is stored (Null, those that merge rows away, those with a TTL) cannot be asked: there each batch
that was on record when the door was closed is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from clickhouse_connect.driver.client import Client

from ingest_worker.storing.record import Record
from ingest_worker.storing.topic import TopicView
from schemas.feed import Feed, feeds_of
from schemas.model import Project
from schemas.own_names import OFFSET, PARTITION, TOPIC, TOPIC_ID, quarantine_table
from schemas.sql.text import literal, qualified
from service.deployment.door import OpenRecords
from service.kafka.config import ConfigOf


def records_of(config_of: ConfigOf) -> OpenRecords:
    """The workers' records at the brokers of each connection, opened when a deploy needs them."""
    return lambda client, project, database: GroupRecords(client, project, database, config_of)


class GroupRecords:
    """Of all data sources of a project. Asks each topic's brokers only when that data source is asked for."""

    def __init__(self, client: Client, project: Project, database: str, config_of: ConfigOf) -> None:
        self._client = client
        self._project = project
        self._database = database
        self._config_of = config_of
        self._feeds = {feed.data_source: feed for feed in feeds_of(project.data_sources.values())}
        self._tables = _tables_of(client, database)
        self._views: dict[str, TopicView] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def recorded(self, data_source: str) -> frozenset[str]:
        """See `service.deployment.door.Records`. Of a data source that is not the project's nobody knows the group."""
        feed = self._feeds.get(data_source)
        return frozenset(self._under_way(feed)) if feed is not None else frozenset()

    def half_stored(self, data_source: str, recorded: frozenset[str]) -> list[str]:
        """See `service.deployment.door.Records`. Where rows leave the table by themselves, all of `recorded` may be."""
        if not recorded:
            return []
        feed = self._feeds[data_source]
        left = {name: batch for name, batch in self._under_way(feed).items() if name in recorded}
        if not self._keeps_rows(data_source):
            return list(left)
        return [name for name, batch in left.items() if self._stored(feed, batch)]

    def _under_way(self, feed: Feed) -> dict[str, _Batch]:
        """Of all partitions: the batches' names for people → what they are."""
        found = {}
        for partition, record in self._records(feed).items():
            progress = record.progress.get(feed.data_source)
            for cut in progress.cuts if progress is not None else ():
                name = f"{feed.topic}/{partition} {cut.first}-{cut.last}"
                found[name] = _Batch(record.topic_id, partition, cut.first, cut.last)
        return found

    def _records(self, feed: Feed) -> Mapping[int, Record]:
        view = self._view(feed)
        partitions = view.partitions()
        committed = view.records(partitions) if partitions else {}
        return {partition: record for partition, record in committed.items() if record is not None}

    def _keeps_rows(self, data_source: str) -> bool:
        """Whether what is in the table says what was stored: nothing merges its rows away, or drops them with time."""
        engine = self._project.data_sources[data_source].engine
        return engine.name == "MergeTree" and not engine.ttl and data_source in self._tables

    def _view(self, feed: Feed) -> TopicView:
        view = self._views.get(feed.data_source)
        if view is None:
            config = self._config_of(self._project.connections.get(feed.connection or ""))
            view = self._views[feed.data_source] = self._open.enter_context(TopicView(dict(config), feed))
        return view

    def _stored(self, feed: Feed, batch: _Batch) -> bool:
        condition = (
            f"{TOPIC} = {literal(feed.topic)} AND {TOPIC_ID} = {literal(batch.topic_id)}"
            f" AND {PARTITION} = {batch.partition} AND {OFFSET} BETWEEN {batch.first} AND {batch.last}"
        )
        tables = [name for name in (feed.data_source, quarantine_table(feed.data_source)) if name in self._tables]
        return any(
            self._client.query(
                f"SELECT 1 FROM {qualified(self._database, table)} WHERE {condition} LIMIT 1"
            ).result_rows
            for table in tables
        )


@dataclass(frozen=True, slots=True)
class _Batch:
    """The messages of one insert, in a topic that is known to its id."""

    topic_id: str
    partition: int
    first: int
    last: int


def _tables_of(client: Client, database: str) -> frozenset[str]:
    """Those that can be asked for offsets."""
    found = client.query(
        "SELECT DISTINCT table FROM system.columns WHERE database = {database:String} AND name = {offset:String}",
        parameters={"database": database, "offset": OFFSET},
    )
    return frozenset(str(table) for (table,) in found.result_rows)
