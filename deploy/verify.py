"""`birdhouse verify`: holds what the tables store against what the broker holds, from outside, offset by offset."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from deploy.connect import reason_of
from deploy.errors import DeployError, ServerError
from deploy.ranges import Comparison, OffsetRange, RangeList, StoredRun, compare
from schemas.ddl import qualified
from schemas.feed import Feed, feeds_of
from schemas.landing import OFFSET, PARTITION, TOPIC, quarantine_table
from schemas.model import Project
from service.kafka import ClientConfig, client_config
from service.settings import ServiceSettings

CHUNK_OFFSETS = 1_000_000
"""Offsets that ClickHouse looks at together. A chunk that is stored whole and once is one row of the answer; only in
another is each offset looked at, which then takes memory for this many."""

ANSWER_SECONDS = 30.0
# Of the messages that lie in gaps, this many are read to tell a lost message from an offset that never held one.
MOST_READ = 100_000
READ_SECONDS = 20.0

# Engines whose tables keep every row that was inserted, as `system.tables` names them.
_KEEPS_ROWS = re.compile(r"(Replicated|Shared)?MergeTree")


class Verdict(IntEnum):
    """What was found; the value is the exit code."""

    WELL = 0
    WRONG = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Held:
    """What Kafka says of one partition: it holds offsets from `low` up to, not including, `high`. `committed` is the
    group's offset, None without one; `start` is where the comparison begins."""

    partition: int
    low: int
    high: int
    committed: int | None
    start: int


@dataclass(slots=True)
class PartitionReport:
    """One partition of one data source. `empty` counts offsets at which the broker holds no message: control records
    of transactions, aborted messages, and in a compacted topic what is gone (`unknown` then)."""

    data_source: str
    topic: str
    held: Held
    found: Comparison
    empty: int = 0
    unknown_because: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        if self.found.gaps or self.found.doubles:
            return Verdict.WRONG
        return Verdict.UNKNOWN if self.unknown_because else Verdict.WELL


@dataclass(frozen=True, slots=True)
class Table:
    """How far the rows of a data source's table can be counted on; a reason where they cannot."""

    merges_rows: str = ""
    removes_rows: str = ""


class Broker:
    """What the brokers hold and what a group has committed, asked without joining the group.

    Every method raises `ServerError` when the brokers do not answer.
    """

    def __init__(self, config: ClientConfig, feed: Feed) -> None:
        self._feed = feed
        self._admin = AdminClient(dict(config))
        own = {"group.id": feed.group_id, "enable.auto.commit": False, "enable.partition.eof": True}
        self._consumer = Consumer({**config, **own, "auto.offset.reset": "error"})

    def close(self) -> None:
        self._consumer.close()

    def partitions(self, since: datetime | None) -> list[Held]:
        """The topic's partitions; none when there is no such topic. `since`: begin at the first later message."""
        try:
            topic = self._consumer.list_topics(self._feed.topic, timeout=ANSWER_SECONDS).topics.get(self._feed.topic)
            places = [TopicPartition(self._feed.topic, number) for number in sorted(topic.partitions)] if topic else []
            if not places:
                return []
            # The commit before the ends: an end that is read later is never behind it.
            committed = self._consumer.committed(places, timeout=ANSWER_SECONDS)
            ends = [self._consumer.get_watermark_offsets(place, ANSWER_SECONDS, cached=False) for place in places]
            starts = self._starts(places, since)
        except KafkaException as error:
            raise _no_answer(error) from error
        return [
            Held(place.partition, low, high, mark.offset if mark.offset >= 0 else None, start if start >= 0 else high)
            for place, mark, (low, high), start in zip(places, committed, ends, starts, strict=True)
        ]

    def is_compacted(self) -> bool:
        """Whether the topic's `cleanup.policy` lets the broker drop messages in between."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, self._feed.topic)
        try:
            entries = self._admin.describe_configs([resource])[resource].result(ANSWER_SECONDS)
        except KafkaException as error:
            raise _no_answer(error) from error
        return "compact" in str(entries["cleanup.policy"].value)

    def messages_in(self, partition: int, gaps: Sequence[OffsetRange]) -> Iterator[OffsetRange]:
        """The parts of `gaps` at which the broker holds a message; past `MOST_READ` messages, and past
        `READ_SECONDS`, all of the rest."""
        left, give_up = MOST_READ, time.monotonic() + READ_SECONDS
        try:
            for gap in gaps:
                position = gap.first
                self._consumer.assign([TopicPartition(self._feed.topic, partition, position)])
                while position <= gap.last and left > 0 and time.monotonic() < give_up:
                    message = self._consumer.poll(1.0)
                    if message is None:
                        continue
                    failure, offset = message.error(), message.offset()
                    if failure is not None and failure.code() != KafkaError._PARTITION_EOF:
                        raise _no_answer(KafkaException(failure))
                    if failure is not None or offset is None:  # the partition's end: nothing more is to come
                        position = gap.last + 1
                        continue
                    if offset <= gap.last:
                        left -= 1
                        yield OffsetRange(offset, offset)
                    position = offset + 1
                if position <= gap.last:
                    yield OffsetRange(position, gap.last)
        finally:
            self._consumer.unassign()

    def _starts(self, places: list[TopicPartition], since: datetime | None) -> list[int]:
        if since is None:
            return [0 for _ in places]
        milliseconds = int(since.timestamp() * 1000)
        asked = [TopicPartition(place.topic, place.partition, milliseconds) for place in places]
        return [found.offset for found in self._consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)]


def _no_answer(error: KafkaException) -> ServerError:
    text = error.args[0].str() if error.args else str(error)
    return ServerError(f"Kafka does not answer: {text}", "KAFKA_BOOTSTRAP_SERVERS says where it is")


class Tables:
    """The offsets that a data source's table and its quarantine hold, together."""

    def __init__(self, client: Client, database: str, data_source: str) -> None:
        self._client = client
        self._database = database
        self._name = data_source
        own, bad = qualified(database, data_source), qualified(database, quarantine_table(data_source))
        where = (
            f"WHERE {TOPIC} = {{topic:String}} AND {PARTITION} = {{partition:Int32}} AND {OFFSET} >= {{start:Int64}}"
        )
        self._offsets = " UNION ALL ".join(f"SELECT {OFFSET} AS offset FROM {table} {where}" for table in (own, bad))

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

    def runs(self, topic: str, partition: int, start: int) -> Iterator[StoredRun]:
        """The stored offsets from `start` on, in rising order."""
        place = {"topic": topic, "partition": partition, "start": start}
        chunks = self._query(
            f"SELECT intDiv(offset, {CHUNK_OFFSETS}) AS chunk, count(), groupBitmap(toUInt64(offset)), min(offset),"
            f" max(offset) FROM ({self._offsets}) GROUP BY chunk ORDER BY chunk",
            place,
        )
        for chunk, rows, distinct, first, last in chunks:
            if rows == distinct == last - first + 1:
                yield StoredRun(first, last, 1)
            else:
                yield from self._runs_of_chunk(place, chunk)

    def _runs_of_chunk(self, place: dict[str, Any], chunk: int) -> Iterator[StoredRun]:
        bounds = {"low": chunk * CHUNK_OFFSETS, "high": (chunk + 1) * CHUNK_OFFSETS}
        # Neighbours that are stored equally often share the distance to their number in that order.
        rows = self._query(
            "SELECT min(offset) AS first, max(offset), any(copies) FROM ("
            " SELECT offset, copies, offset - row_number() OVER (PARTITION BY copies ORDER BY offset) AS island FROM ("
            f"  SELECT offset, count() AS copies FROM ({self._offsets})"
            "  WHERE offset >= {low:Int64} AND offset < {high:Int64} GROUP BY offset))"
            " GROUP BY copies, island ORDER BY first",
            {**place, **bounds},
        )
        for first, last, copies in rows:
            yield StoredRun(first, last, copies)

    def _query(self, sql: str, parameters: dict[str, Any]) -> Iterator[Sequence[Any]]:
        try:
            with self._client.query_rows_stream(sql, parameters=parameters) as stream:
                yield from stream
        except ClickHouseError as error:
            raise ServerError(f"ClickHouse does not answer: {reason_of(error)}") from error


def verify_data_source(
    feed: Feed, config: ClientConfig, client: Client, database: str, since: datetime | None
) -> Iterator[PartitionReport]:
    """A report for each partition of the topic that feeds a data source. Raises `ServerError`."""
    tables = Tables(client, database, feed.data_source)
    table = tables.describe()
    broker = Broker(config, feed)
    try:
        is_compacted: bool | None = None
        for held in broker.partitions(since):
            report = _report(feed, held, tables, table)
            if report.found.gaps:
                is_compacted = broker.is_compacted() if is_compacted is None else is_compacted
                _look_up_gaps(report, broker, is_compacted)
            yield report
    finally:
        broker.close()


def verify_project(
    project: Project,
    settings: ServiceSettings,
    environment: Mapping[str, str],
    client: Client,
    only: str | None,
    since: datetime | None,
) -> list[PartitionReport]:
    """The reports of every data source that a topic feeds, or of the one called `only`. Raises `DeployError` for
    a data source that is not fed and for servers that do not answer, `SettingsError` for Kafka settings."""
    feeds = [feed for feed in feeds_of(project.data_sources.values()) if only in (None, feed.data_source)]
    if only is not None and not feeds:
        raise DeployError(f"no data source `{only}` is fed from a topic", "`birdhouse check` reads the project's files")
    reports: list[PartitionReport] = []
    for feed in feeds:
        connection = project.connections.get(feed.connection or "")
        config = client_config(settings, environment, connection=connection)
        found = list(verify_data_source(feed, config, client, settings.clickhouse_database, since))
        if not found:
            raise ServerError(f"there is no topic `{feed.topic}`", "the worker makes it when it starts")
        reports += found
    return reports


def _report(feed: Feed, held: Held, tables: Tables, table: Table) -> PartitionReport:
    if table.merges_rows:
        return PartitionReport(feed.data_source, feed.topic, held, Comparison(), unknown_because=[table.merges_rows])
    end = min(held.committed or 0, held.high)
    expected = OffsetRange(held.start, end - 1) if held.start < end else None
    # Rows that go away by themselves leave gaps of which nothing can be said.
    known_from = end if table.removes_rows else held.low
    found = compare(tables.runs(feed.topic, held.partition, held.start), expected, known_from)
    report = PartitionReport(feed.data_source, feed.topic, held, found)
    if found.unknown:
        report.unknown_because.append(table.removes_rows or f"the broker holds nothing below {held.low} any more")
    if held.committed is not None and held.committed > held.high:
        report.unknown_because.append(
            f"the group has committed {held.committed}, but the broker ends at {held.high}:"
            " the topic was cut or made again"
        )
    if held.committed is None and held.high > held.low:
        report.unknown_because.append(f"the group `{feed.group_id}` has committed nothing")
    return report


def _look_up_gaps(report: PartitionReport, broker: Broker, is_compacted: bool) -> None:
    """Leaves of the gaps those offsets at which the broker does hold a message."""
    missing = report.found.gaps
    lost = RangeList()
    for part in broker.messages_in(report.held.partition, missing.ranges):
        lost.add(part)
    unlisted = missing.offsets - sum(gap.count for gap in missing.ranges)
    empty = missing.offsets - unlisted - lost.offsets
    lost.more += missing.more
    lost.offsets += unlisted
    report.found.gaps = lost
    report.empty = empty
    if empty and is_compacted:
        report.unknown_because.append(f"the topic is compacted: {empty} offsets hold no message any more")


def verdict_of(reports: Iterable[PartitionReport]) -> Verdict:
    """Wrong when anything is, else unknown when anything is."""
    verdicts = {report.verdict for report in reports}
    return next((found for found in (Verdict.WRONG, Verdict.UNKNOWN) if found in verdicts), Verdict.WELL)


def render_text(reports: Sequence[PartitionReport]) -> str:
    """A line for each partition, below it what is wrong or unknown."""
    lines = []
    for report in reports:
        held, found = report.held, report.found
        lines.append(
            f"{report.data_source}  {report.topic}/{held.partition}  from {held.start}  committed"
            f" {'-' if held.committed is None else held.committed}  rows {found.rows}  distinct {found.distinct}"
            f"  {report.verdict.name.lower()}"
        )
        for name, ranges in (("gap", found.gaps), ("double", found.doubles), ("unknown", found.unknown)):
            if ranges:
                lines.append(f"    {name}: {ranges} ({ranges.offsets} offsets)")
        if report.empty:
            lines.append(f"    no message at {report.empty} offsets")
        lines += [f"    unknown: {reason}" for reason in report.unknown_because]
    return "\n".join(lines)


def render_json(reports: Sequence[PartitionReport]) -> str:
    """The same as one JSON document: `verdict` and `partitions`."""
    partitions = [
        {
            "data_source": report.data_source,
            "topic": report.topic,
            "partition": report.held.partition,
            "low": report.held.low,
            "high": report.held.high,
            "start": report.held.start,
            "committed": report.held.committed,
            "rows": report.found.rows,
            "distinct": report.found.distinct,
            "gaps": _listed(report.found.gaps),
            "doubles": _listed(report.found.doubles),
            "unknown": _listed(report.found.unknown),
            "empty_offsets": report.empty,
            "unknown_because": report.unknown_because,
            "verdict": report.verdict.name.lower(),
        }
        for report in reports
    ]
    return json.dumps({"verdict": verdict_of(reports).name.lower(), "partitions": partitions}, indent=2)


def _listed(ranges: RangeList) -> dict[str, Any]:
    return {
        "offsets": ranges.offsets,
        "ranges": [[entry.first, entry.last] for entry in ranges.ranges],
        "ranges_not_listed": ranges.more,
    }
