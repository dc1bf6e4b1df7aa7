"""Compares every partition of the topics that feed a project's data sources."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from clickhouse_connect.driver.client import Client

from deploy.errors import DeployError
from deploy.operations.ranges import Comparison, RangeList, StoredRun, compare
from deploy.operations.verify.report import PartitionReport
from deploy.operations.verify.stored import StoredOffsets, Table
from ingest_worker.storing.ranges import OffsetRange
from ingest_worker.storing.topic import Held, TopicView
from schemas.feed import Feed, feeds_of
from schemas.model import Project
from service.errors import ServerError
from service.kafka.config import ClientConfig, client_config
from service.settings import ServiceSettings

# Of the messages that lie in gaps, this many are read to tell a lost message from an offset that never held one.
MOST_READ = 100_000
READ_SECONDS = 20.0


def verify_project(
    project: Project,
    settings: ServiceSettings,
    environment: Mapping[str, str],
    client: Client,
    only: str | None,
    since: datetime | None,
) -> list[PartitionReport]:
    """The reports of every data source that a topic feeds, or of the one called `only`. Raises `ServiceError` for
    a data source that is not fed and for servers that do not answer, `SettingsError` for Kafka settings."""
    feeds = [feed for feed in feeds_of(project.data_sources.values()) if only in (None, feed.data_source)]
    if only is not None and not feeds:
        raise DeployError(f"no data source `{only}` is fed from a topic", "`birdhouse check` reads the project's files")
    reports: list[PartitionReport] = []
    for feed in feeds:
        connection = project.connections.get(feed.connection or "")
        config = client_config(settings, environment, connection=connection)
        reports += verify_data_source(feed, config, client, settings.clickhouse_database, since)
    return reports


def verify_data_source(
    feed: Feed, config: ClientConfig, client: Client, database: str, since: datetime | None
) -> Iterator[PartitionReport]:
    """A report for each partition of the topic that feeds a data source. Raises `ServerError`."""
    with TopicView(config, feed) as topic:
        topic_id, numbers = topic.topic_id(), topic.partitions()
        if topic_id is None or not numbers:
            raise ServerError(f"there is no topic `{feed.topic}`", "the worker makes it when it starts")
        stored = StoredOffsets(client, database, feed.data_source, feed.topic, topic_id)
        table = stored.describe()
        # The commit is read before the tables: what is committed then is stored then.
        places = topic.held(numbers, since)
        if table.merges_rows:
            for held in places:
                yield PartitionReport(
                    feed.data_source, feed.topic, held, Comparison(), unknown_because=[table.merges_rows]
                )
            return
        chunks = stored.chunks({held.partition: held.start for held in places})
        former = stored.former_rows()
        is_compacted: bool | None = None
        for held in places:
            runs = stored.runs(held.partition, held.start, chunks.get(held.partition, []))
            report = _report(feed, topic_id, held, runs, table)
            report.former = former.get(held.partition, 0)
            if report.comparison.gaps:
                is_compacted = topic.is_compacted() if is_compacted is None else is_compacted
                look_up_gaps(report, topic, is_compacted=is_compacted)
            yield report


def _report(feed: Feed, topic_id: str, held: Held, runs: Iterator[StoredRun], table: Table) -> PartitionReport:
    is_former = held.record is not None and held.record.topic_id != topic_id
    end = 0 if is_former else min(held.committed or 0, held.high)
    expected = OffsetRange.between(held.start, end - 1)
    # Rows that go away by themselves leave gaps of which nothing can be said.
    known_from = end if table.removes_rows else held.low
    report = PartitionReport(feed.data_source, feed.topic, held, compare(runs, expected, known_from))
    if report.comparison.unknown:
        report.unknown_because.append(table.removes_rows or f"the broker holds nothing below {held.low} any more")
    if is_former:
        report.unknown_because.append("the topic was deleted and made again: the group's offset is of the former one")
    elif held.committed is not None and held.committed > held.high:
        report.unknown_because.append(
            f"the group has committed {held.committed}, but the broker ends at {held.high}:"
            " the topic was cut or made again"
        )
    if held.committed is None and held.high > held.low:
        report.unknown_because.append(f"the group `{feed.group_id}` has committed nothing")
    return report


def look_up_gaps(report: PartitionReport, topic: TopicView, *, is_compacted: bool) -> None:
    """Leaves of the gaps those offsets at which the broker does hold a message."""
    missing = report.comparison.gaps
    unlisted = missing.offsets - sum(gap.count for gap in missing.ranges)
    lost = RangeList()
    for part in _messages_in(topic, report.held.partition, missing.ranges):
        lost.add(part)
    empty = missing.offsets - unlisted - lost.offsets
    if missing.more:
        lost.add_unlisted(missing.more, unlisted, missing.last)
    report.comparison.gaps = lost
    report.empty = empty
    if empty and is_compacted:
        report.unknown_because.append(f"the topic is compacted: {empty} offsets hold no message any more")


def _messages_in(topic: TopicView, partition: int, gaps: Sequence[OffsetRange]) -> Iterator[OffsetRange]:
    """The parts of `gaps` at which the broker holds a message; past `MOST_READ` messages, and past `READ_SECONDS`, all
    of the rest."""
    left, give_up, position = MOST_READ, time.monotonic() + READ_SECONDS, -1
    for run in topic.read(partition, gaps):
        for offset in run.offsets:
            yield OffsetRange(offset, offset)
        left, position = left - run.rows, run.offsets[-1]
        if left <= 0 or time.monotonic() > give_up:
            break
    else:
        return
    for gap in gaps:
        if (rest := gap.from_(position + 1)) is not None:
            yield rest
