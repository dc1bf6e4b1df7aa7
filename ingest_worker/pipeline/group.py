"""One consumer group's work: its topics, its consumer, which is replaced when it fails, and its claims."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from ingest_worker.context import Context
from ingest_worker.errors import SourceError, TopicReplacedError
from ingest_worker.observing.consuming import KafkaTroubled, SourceRestarted
from ingest_worker.observing.observations import report_failure
from ingest_worker.observing.topics import TopicReplaced
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.source.loop import Source
from ingest_worker.pipeline.source.subscription import Subscription
from ingest_worker.pipeline.topics import ensure_topics
from ingest_worker.storing.fence.ownership import new_owner
from ingest_worker.storing.fence.scan import OffsetTables
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.sink import short_message
from ingest_worker.takeover.claimer import Claimer
from ingest_worker.takeover.partition import Partition, reset_of
from ingest_worker.takeover.request import Takeover, TakeoverRequest
from ingest_worker.watching.kafka_look import KafkaLook
from ingest_worker.watching.looks import Looks
from ingest_worker.watching.topic_watch import TopicWatch
from schemas.feed import Feed
from service.backoff import Backoff
from service.deadline import Deadline
from service.kafka.config import ClientConfig
from service.kafka.consumer_config import admin_config, consumer_config
from service.kafka.password import opened
from service.kafka.topics import TopicFacts
from service.kafka.trouble import Trouble, why

_BACKOFF = Backoff(first=0.5, longest=2.0)
# A consumer that served this long before it failed starts its back-off from the beginning.
_HEALTHY_SECONDS = 60.0


class GroupKey(NamedTuple):
    """What has a consumer of its own: a group at the brokers of a connection (None: those of the environment)."""

    connection: str | None
    group: str


def group_feeds(feeds: Iterable[Feed]) -> dict[GroupKey, list[Feed]]:
    """The feeds that share a consumer."""
    grouped: dict[GroupKey, list[Feed]] = defaultdict(list)
    for feed in feeds:
        grouped[GroupKey(feed.connection, feed.group_id)].append(feed)
    return dict(grouped)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the messages of one feed go: the buffer before its data source, and the tables that remember them."""

    feed: Feed
    buffer: Buffer
    tables: OffsetTables


class Group:
    """Runs on one thread, with a second one for claims. The feeds of `destinations` all have this group and one
    connection, of which `kafka_config` is the configuration; `queue_bytes` are for what librdkafka has fetched."""

    def __init__(
        self,
        context: Context,
        name: str,
        destinations: Sequence[Destination],
        kafka_config: ClientConfig,
        queue_bytes: int,
    ) -> None:
        self.name = name
        self.feeds = feeds = [destination.feed for destination in destinations]
        self.has_drained = True
        self._context = context
        self._offset_tables = {destination.feed.data_source: destination.tables for destination in destinations}
        self._kafka_config = kafka_config
        self._observe = observe = context.observe
        self._clock = clock = context.clock
        self._by_topic: dict[str, list[Feed]] = defaultdict(list)
        for feed in feeds:
            self._by_topic[feed.topic].append(feed)
        buffers: dict[str, list[Buffer]] = defaultdict(list)
        for destination in destinations:
            buffers[destination.feed.topic].append(destination.buffer)
        self.assignment = Assignment(context, dict(buffers))
        self._config = consumer_config(kafka_config, name, queue_bytes, self._on_error)
        self._source: Source | None = None
        self._helpers: list[threading.Thread] = []
        # As they were found last: a topic that was there once is not made by the worker, and another id is another one.
        self._seen: dict[str, str] = {}
        self._made_again: set[str] = set()
        self._waiting_because: str | None = None
        self.looks = Looks("Kafka", KafkaLook(admin_config(kafka_config), self._looked_at, clock), observe, clock)
        self._started_at = clock()

    @property
    def has_joined(self) -> bool:
        return self._source is not None and self._source.has_joined

    @property
    def is_whole(self) -> bool:
        """Whether all threads that the consumer needs beside its own are alive."""
        return all(thread.is_alive() for thread in self._helpers)

    @property
    def gone_topics(self) -> list[str]:
        """Topics that were deleted and not made again."""
        return sorted(self.assignment.gone)

    @property
    def silent_seconds(self) -> float:
        """How long ago the reading loop last turned; 0 while there is none, waiting for brokers. A commit waits for
        brokers too, a minute and longer: it must, as nothing may be sent before its record is committed."""
        source = self._source
        return 0.0 if source is None or self.looks.reason is not None else self._clock() - source.turned_at

    def not_ready_because(self) -> list[str]:
        """The reasons why this group is not ready, for people. May be called from any thread."""
        source, reasons = self._source, list[str]()
        refused = source.refused_because() if source is not None else None
        if not self.has_joined:
            reason = refused or self._waiting_because
            reasons.append(f"group `{self.name}`: not joined yet{f': {reason}' if reason else ''}")
        elif refused is not None:
            reasons.append(f"group `{self.name}`: {refused}")
        for partition in self._looked_at():
            if (refusal := partition.refusal) is not None:
                reasons.append(f"partition {partition.name}: {refusal.text}")
        return reasons

    def _looked_at(self) -> list[Partition]:
        return list(self.assignment.partitions.values())

    def progressed(self, partition: PartitionId) -> None:
        self.assignment.progressed(partition)

    def run(self, stop: threading.Event, deadline: Callable[[], Deadline]) -> None:
        """Serve until `stop` and then until everything is stored or `deadline()` is over. Blocks."""
        failures = 0
        while not stop.is_set():
            started = self._clock()
            try:
                self._serve(stop, deadline)
            except Exception as error:
                # Whatever it is: a group that nobody serves any more would be worse than one that is joined again.
                self.has_drained = False
                failures = 1 if self._clock() - started > _HEALTHY_SECONDS else failures + 1
                delay = 0.0 if isinstance(error, TopicReplacedError) else _BACKOFF.delay(failures)
                if not isinstance(error, KafkaException | SourceError):
                    report_failure("source", error, self._observe, delay)
                self._observe(SourceRestarted(self.name, _text(error), delay))
                self._source = None
                stop.wait(delay)

    def _serve(self, stop: threading.Event, deadline: Callable[[], Deadline]) -> None:
        trouble = Trouble()
        admin = opened(AdminClient, {**admin_config(self._kafka_config), **trouble.options()})
        topics = self._find_topics(admin, trouble, stop)
        if topics is None:
            return
        self._remember(topics)
        claimer = Claimer(self._context, self.name, self._offset_tables, self.assignment.is_assigned, self._on_taken)
        watch = TopicWatch(admin, topics, self.assignment.confirmed, self._observe, self._clock)
        self._source = self._create_source(topics, watch, claimer)
        helpers = [
            threading.Thread(target=claimer.run, name=f"claimer-{self.name}", daemon=True),
            threading.Thread(target=watch.run, name=f"topics-{self.name}", daemon=True),
        ]
        for thread in helpers:
            thread.start()
        self._helpers = helpers
        try:
            self.has_drained = self._source.run(stop, deadline)
        finally:
            self._helpers = []
            claimer.stop()
            watch.stop()

    def _find_topics(
        self, admin: AdminClient, trouble: Trouble, stop: threading.Event
    ) -> Mapping[str, TopicFacts | None] | None:
        def explain(error: KafkaException) -> str:
            self._waiting_because = why(admin, trouble, error)
            return self._waiting_because

        found = ensure_topics(
            admin, list(self._by_topic), self._observe, stop, may_be_missing=self._seen, explain=explain
        )
        self._waiting_because = None
        return found

    def _remember(self, topics: Mapping[str, TopicFacts | None]) -> None:
        for topic, facts in topics.items():
            if facts is not None:
                former_id = self._seen.get(topic, facts.topic_id)
                if former_id != facts.topic_id:
                    self._made_again.add(topic)
                    self._observe(TopicReplaced(self.name, topic, former_id, facts.topic_id))
                self._seen[topic] = facts.topic_id

    def _create_source(self, topics: Mapping[str, TopicFacts | None], watch: TopicWatch, claimer: Claimer) -> Source:
        def claim(partitions: Sequence[Partition]) -> None:
            feed_partitions = tuple(self.assignment.feed_partitions(partitions))
            claimer.ask(TakeoverRequest(tuple(partitions), new_owner(self.name), feed_partitions))

        subscription = Subscription(
            group=self.name,
            topics=topics,
            resets={topic: reset_of(feeds) for topic, feeds in self._by_topic.items()},
            config=self._config,
            made_again=self._made_again,
            wants_keys=any(feed.store_key for feed in self.feeds),
            wants_headers=any(feed.store_headers for feed in self.feeds),
        )
        return Source(self._context, subscription, self.assignment, watch, claim)

    def _on_taken(self, takeover: Takeover) -> None:
        if self._source is not None:
            self._source.taken(takeover)

    def _on_error(self, error: KafkaError) -> None:
        """What librdkafka reports beside messages; it goes on by itself."""
        self._observe(KafkaTroubled(self.name, error.str()))


def _text(error: Exception) -> str:
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return str(error.args[0].str())
    return short_message(error)
