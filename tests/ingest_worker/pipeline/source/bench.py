"""A source on a consumer that does what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any, cast

from confluent_kafka import Consumer, Message

from ingest_worker.observing.observations import (
    Observation,
)
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.source.loop import Source
from ingest_worker.pipeline.source.subscription import Subscription
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.takeover.partition import Partition, Reset
from ingest_worker.takeover.request import Takeover
from ingest_worker.watching.topic_watch import TopicWatch
from service.deadline import Deadline
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import (
    LIMITS,
    Clock,
    FakeConsumer,
    context,
    message,
    recovered,
    seal_and_record,
)

PLACE = PartitionId("topic", 0)


class FakeWatch:
    """Answers at once that a topic is what it was, unless `changed` says otherwise; `will_be` comes true by a look."""

    def __init__(self, confirm: Callable[[str], None]) -> None:
        self.changed: dict[str, TopicFacts | None] = {}
        self.will_be: dict[str, TopicFacts | None] = {}
        self._confirm = confirm

    def wake(self, topics: Collection[str]) -> None:
        for topic in topics:
            if topic not in self.changed:
                self._confirm(topic)

    def look(self, topics: Collection[str]) -> bool:
        self.changed = self.will_be
        self.wake(topics)
        return True


class Bench:
    """A source whose consumer makes these calls, then is told to stop."""

    def __init__(
        self, *calls: Any, claims: bool = True, budget: int = 10**9, reset: Reset = "earliest", **consumer: Any
    ) -> None:
        self.clock = Clock()
        self.seen: list[Observation] = []
        self.sleep: Callable[[float], object] = lambda _: None
        told = context(self.seen.append, clock=self.clock, sleep=lambda seconds: self.sleep(seconds), drain_seconds=0)
        shared = MemoryBudget(budget, 1)
        self.buffer = Buffer("events", LIMITS, shared, self.clock)
        self.assignment = Assignment(told, {"topic": [self.buffer]})
        self.consumer = FakeConsumer(*calls, **consumer)
        self.stop = threading.Event()
        self.consumer.on_empty = self.stop.set
        self.claims = claims
        self.asked: list[Partition] = []
        self.watch = FakeWatch(lambda topic: self.assignment.confirmed(topic, "id", self.clock()))
        self.source = Source(
            told,
            Subscription("group", {"topic": TopicFacts("id", 1)}, {"topic": reset}, {}),
            self.assignment,
            cast("TopicWatch", self.watch),
            self._claim,
            create_consumer=lambda config: cast("Consumer", self.consumer),
        )

    def _claim(self, partitions: Any) -> None:
        self.asked += partitions
        if self.claims:
            feed_partitions = self.assignment.feed_partitions(partitions)
            self.source.taken(Takeover(tuple(partitions), recovered(*feed_partitions, position=partitions[0].position)))

    def run(self) -> bool:
        return self.source.run(self.stop, lambda: Deadline.after(0, self.clock))

    def assign(self) -> None:
        self.consumer.assign_now(PLACE)

    def store_all(self) -> None:
        """What the inserters do."""
        self.buffer.flush()
        while self.buffer.loads()[PLACE].rows:
            seal_and_record(self.buffer)
            in_flight = self.buffer.take()
            assert in_flight is not None
            self.buffer.stored(in_flight)
            self.assignment.progressed(PLACE)

    def of(self, kind: type) -> list[Any]:
        return [entry for entry in self.seen if isinstance(entry, kind)]


def messages(count: int, first: int = 0) -> list[Message]:
    return [message("topic", 0, first + index, b"v") for index in range(count)]


def do(*steps: Callable[[], Any]) -> Callable[[], None]:
    def call() -> None:
        for step in steps:
            step()

    return call
