"""Waiting for what the embedded broker holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.embedded.broker import EmbeddedBroker
from deploy.run.drain import AcknowledgedEnds, Drain
from schemas.feed import Feed
from service.deadline import Deadline

pytestmark = pytest.mark.sockets
Config = dict[str, str | int | float | bool]
FEEDS = (Feed("clicks", "clicks"), Feed("views", "views"))


@pytest.fixture
def config() -> Iterator[Config]:
    broker = EmbeddedBroker()
    yield {"bootstrap.servers": broker.start(), "log_level": 0}
    broker.stop()


def produce(config: Config, topic: str, count: int) -> None:
    producer = Producer(config)
    for _ in range(count):
        producer.produce(topic, b"{}", partition=1)
        # One message a batch: of a larger one the broker tells a wrong end.
        assert producer.flush(10) == 0


def commit(config: Config, topic: str, offset: int) -> None:
    consumer = Consumer({**config, "group.id": "birdhouse", "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(topic, 1, offset)], asynchronous=False)
    consumer.close()


def test_topics_that_are_not_there_or_empty_hold_nothing(config: Config) -> None:
    admin = AdminClient(config)
    admin.create_topics([NewTopic("clicks", 6, 1)])["clicks"].result(10)
    drain = Drain(config, FEEDS)
    assert drain.wait({}, Deadline.after(5)) == 0
    drain.close()


def test_what_is_not_committed_is_counted_over_all_feeds(config: Config) -> None:
    admin = AdminClient(config)
    for future in admin.create_topics([NewTopic("clicks", 6, 1), NewTopic("views", 2, 1)]).values():
        future.result(10)
    produce(config, "clicks", 5)
    produce(config, "views", 3)
    commit(config, "clicks", 4)
    drain = Drain(config, FEEDS)
    assert drain.wait({}, Deadline.after(0)) == 1 + 3
    assert drain.wait({("views", 0): 7}, Deadline.after(0)) == 1 + 3 + 7
    commit(config, "clicks", 5)
    commit(config, "views", 3)
    assert drain.wait({("clicks", 1): 5}, Deadline.after(5)) == 0
    drain.close()


def test_acknowledged_events_remember_the_end_of_each_partition() -> None:
    acknowledged = AcknowledgedEnds()
    acknowledged.add("clicks", {0: [3, 4], 1: [9]})
    acknowledged.add("clicks", {0: [1]})
    acknowledged.add("views", {0: [0]})
    assert acknowledged.by_place == {("clicks", 0): 5, ("clicks", 1): 10, ("views", 0): 1}
