"""Carries a request out, partition by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.errors import ReplayError
from deploy.operations.replay.context import ReplayContext
from deploy.operations.replay.deliver import Progress
from deploy.operations.replay.from_quarantine import QuarantineReplay, quarantined_partitions
from deploy.operations.replay.from_topic import TopicReplay
from deploy.operations.replay.request import Request, check_table
from deploy.operations.replay.result import PartitionResult
from ingest_worker.errors import IngestError
from ingest_worker.settings import IngestSettings
from ingest_worker.storing.batch import Limits
from ingest_worker.storing.ranges import OffsetRange
from ingest_worker.storing.topic import TopicView
from schemas.feed import feed_of, feeds_of
from schemas.model import DataSource, Project
from service.clickhouse.codes import Code
from service.clickhouse.failures import trouble_of
from service.deployment.plan import read_plan
from service.errors import ServerError
from service.kafka.config import ClientConfig

Confirm = Callable[[str], None]
"""Asks before something is deleted; raises when the answer is no."""


class Replay:
    """One request for one project. `kafka` gives the client's configuration for a feed, and is asked only when messages
    are read from there."""

    def __init__(
        self,
        request: Request,
        project: Project,
        settings: IngestSettings,
        connect: Callable[[], Client],
        kafka: Callable[[], ClientConfig],
        progress: Progress,
    ) -> None:
        """Raises `ReplayError` for a request that makes no sense or cannot be exactly once."""
        request.check()
        self._request = request
        self._project = project
        self._data_source = _data_source(project, request.data_source)
        feed = feed_of(self._data_source)
        assert feed is not None
        check_table(self._data_source, request, keeps_headers=feed.store_headers)
        self._feed = feed
        self._settings = settings
        self._connect = connect
        self._kafka = kafka
        self._progress = progress

    def run(self, confirm: Confirm) -> Iterator[PartitionResult]:
        """A result for each partition as soon as it is done. Raises `ServiceError`."""
        try:
            with closing(self._connect()) as client:
                context = self._context(client)
                check_deployed(context, self._project)
                if self._request.from_quarantine:
                    yield from self._from_quarantine(context)
                else:
                    yield from self._from_topic(context, confirm)
        except ClickHouseError as error:
            trouble, hint = trouble_of(error, self._settings)
            raise ServerError(f"ClickHouse {trouble}", _hint(error) or hint) from error
        except IngestError as error:
            raise ServerError(str(error), "run the replay again: it goes on where it was") from error

    def _from_quarantine(self, context: ReplayContext) -> Iterator[PartitionResult]:
        replay = QuarantineReplay(context)
        act = replay.preview if self._request.is_check else replay.run
        yield from map(act, quarantined_partitions(context, self._request))

    def _from_topic(self, context: ReplayContext, confirm: Confirm) -> Iterator[PartitionResult]:
        request = self._request
        with TopicView(self._kafka(), self._feed) as topic:
            topic_id, known = topic.topic_id(), topic.partitions()
            if topic_id is None or not known:
                raise ReplayError(
                    f"there is no topic `{self._feed.topic}`", "KAFKA_BOOTSTRAP_SERVERS says which brokers"
                )
            if unknown := [number for number in request.partitions if number not in known]:
                raise ReplayError(
                    f"the topic `{self._feed.topic}` has no partition {unknown[0]}", f"it has {len(known)}, from 0 on"
                )
            if request.replaces and topic.is_compacted():
                raise ReplayError(
                    f"the topic `{self._feed.topic}` is compacted: it no longer holds every message that is stored",
                    "without `--replace` what is missing is stored, and nothing is deleted",
                )
            partitions = request.partitions or tuple(known)
            wanted = self._wanted(topic, partitions)
            if request.replaces and not request.is_check:
                confirm(warning(context, sum(entry.count for entry in wanted.values())))
            replay = TopicReplay(context, topic, topic_id)
            act = replay.preview if request.is_check else replay.run
            for partition, offsets in wanted.items():
                yield act(partition, offsets, replaces=request.replaces)

    def _wanted(self, topic: TopicView, partitions: Sequence[int]) -> dict[int, OffsetRange]:
        """By partition the offsets that are asked for; none of a partition without any."""
        request = self._request
        if request.offsets is not None:
            return dict.fromkeys(partitions, request.offsets)
        assert request.since is not None
        starts = topic.offsets_at(partitions, request.since)
        until = topic.offsets_at(partitions, request.until) if request.until is not None else [None for _ in partitions]
        held = topic.held(partitions)
        ends = [entry.high if end is None else end for entry, end in zip(held, until, strict=True)]
        return {
            number: OffsetRange(start, end - 1)
            for number, start, end in zip(partitions, starts, ends, strict=True)
            if start is not None and start < end
        }

    def _context(self, client: Client) -> ReplayContext:
        settings = self._settings
        return ReplayContext(
            data_source=self._data_source,
            database=settings.clickhouse_database,
            client=client,
            connect=self._connect,
            limits=Limits(settings.batch_rows, settings.batch_bytes, 0.0),
            insert_seconds=settings.insert_seconds,
            progress=self._progress,
        )


def check_deployed(context: ReplayContext, project: Project) -> None:
    """Raise `ReplayError` when ClickHouse does not map messages as the project says: what is stored again would be as
    wrong as before."""
    plan = read_plan(context.client, project, context.database)
    concerned = plan.about(context.name)
    if not concerned.is_empty:
        raise ReplayError(
            f"`{context.name}` is not deployed as the project's files say:\n{concerned.render()}",
            "`birdhouse deploy` first, then replay",
        )


def warning(context: ReplayContext, offsets: int) -> str:
    """What a replacement does, for people."""
    found = context.client.query(
        "SELECT dependencies_database, dependencies_table FROM system.tables"
        " WHERE database = {database:String} AND name = {name:String}",
        parameters={"database": context.database, "name": context.name},
    ).result_rows
    views = [
        f"`{database}`.`{view}`" for databases, names in found for database, view in zip(databases, names, strict=True)
    ]
    text = (
        f"the rows of {offsets} offsets are deleted from `{context.name}` and its quarantine and stored anew;"
        " until then queries miss them"
    )
    if views:
        text += (
            f"\nviews behind it are not corrected by that, and count these messages once more: {', '.join(views)}"
            "\nempty what they fill for that time first, or build it anew afterwards"
        )
    return text


def _data_source(project: Project, name: str) -> DataSource:
    fed = [feed.data_source for feed in feeds_of(project.data_sources.values())]
    if name in fed:
        return project.data_sources[name]
    known = f"those that are: {', '.join(fed)}" if fed else "`birdhouse check` reads the project's files"
    if name in project.data_sources:
        raise ReplayError(f"the data source `{name}` is not fed from a topic", known)
    raise ReplayError(f"there is no data source `{name}`", known)


def _hint(error: ClickHouseError) -> str:
    if getattr(error, "code", None) == Code.ACCESS_DENIED:
        return (
            "a replay needs SELECT, INSERT, CREATE TABLE and ALTER DELETE on the database: CLICKHOUSE_USER may be"
            " another one than the worker's"
        )
    return "run the replay again: it goes on where it was"
