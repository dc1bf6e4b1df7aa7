"""What the worker asks of a consumer: librdkafka's on a broker and the tests' own answer alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from service.kafka.consumer_config import consumer_config
from tests.ingest_worker.fakes import FakeConsumer, message

Place = tuple[str, int]
KEYS: list[tuple[bytes | None, bytes | None, Any]] = [
    (b"first", None, None),
    (b"", b"key", None),
    (None, b"", [("name", b"value"), ("empty", None)]),
]
MILLISECONDS = 1_700_000_000_000
_SECONDS = 30.0


@dataclass
class Member:
    """A consumer that has joined its group, and what it was told."""

    consumer: Any
    topic: str
    seek_messages: Callable[[], list[Message]]
    leave: Callable[[], None]
    assigned: list[Place] = field(default_factory=list)
    revoked: list[Place] = field(default_factory=list)

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.topic, 0)

    def on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self.assigned += [(entry.topic, entry.partition) for entry in partitions]
        consumer.incremental_assign([TopicPartition(entry.topic, entry.partition, 0) for entry in partitions])

    def on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self.revoked += [(entry.topic, entry.partition) for entry in partitions]
        consumer.incremental_unassign(partitions)

    def subscribe(self) -> None:
        self.consumer.subscribe(
            [self.topic], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=lambda *_: None
        )


def _fake() -> Iterator[Member]:
    sent = [
        message("topic", 0, offset, value, key=key, headers=headers, milliseconds=MILLISECONDS)
        for offset, (value, key, headers) in enumerate(KEYS)
    ]
    consumer = FakeConsumer(sent)
    consumer.marks[("topic", 0)] = (0, len(KEYS))
    member = Member(consumer, "topic", lambda: list(consumer.consume(1000, timeout=0.1)), consumer.close)
    member.subscribe()
    consumer.assign_now(("topic", 0))
    yield member
    consumer.close()


def _real(kafka: str, topic: str) -> Iterator[Member]:
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(15)
    producer = Producer({"bootstrap.servers": kafka})
    for value, key, headers in KEYS:
        producer.produce(topic, value, key=key, headers=headers, timestamp=MILLISECONDS)
    assert producer.flush(15) == 0
    config = consumer_config({"bootstrap.servers": kafka}, group=topic, queue_bytes=2**20, on_error=lambda _: None)
    consumer = Consumer(config)
    found: list[Message] = []

    def messages() -> list[Message]:
        give_up = time.monotonic() + _SECONDS
        while len(found) < len(KEYS):
            assert time.monotonic() < give_up
            found.extend(consumer.consume(1000, timeout=0.1))
        return found

    member = Member(consumer, topic, messages, consumer.close)
    with closing(consumer):
        member.subscribe()
        give_up = time.monotonic() + _SECONDS
        while not member.assigned:
            assert time.monotonic() < give_up
            found.extend(consumer.consume(1, timeout=0.1))
        yield member


@pytest.fixture(params=["fake", pytest.param("librdkafka", marks=pytest.mark.needs("kafka"))])
def member(request: pytest.FixtureRequest) -> Iterator[Member]:
    if request.param == "fake":
        yield from _fake()
    else:
        yield from _real(request.getfixturevalue("kafka"), request.getfixturevalue("unique_name"))


def test_an_assignment_is_told_with_its_partitions(member: Member) -> None:
    assert member.assigned == [(member.topic, 0)]


def test_messages_have_what_was_sent_with_them(member: Member) -> None:
    messages = member.seek_messages()
    assert [(each.topic(), each.partition(), each.offset(), each.error()) for each in messages] == [
        (member.topic, 0, offset, None) for offset in range(len(KEYS))
    ]
    assert [(each.value(), each.key(), each.headers()) for each in messages] == KEYS
    assert {each.timestamp() for each in messages} == {(1, MILLISECONDS)}


def test_a_group_has_no_offset_until_one_is_committed_with_its_metadata(member: Member) -> None:
    (before,) = member.consumer.committed([member.place], timeout=15)
    assert (before.offset, before.metadata or "") == (-1001, "")
    (done,) = member.consumer.commit(
        offsets=[TopicPartition(member.topic, 0, 2, metadata="a record")], asynchronous=False
    )
    assert (done.topic, done.partition, done.offset, done.error) == (member.topic, 0, 2, None)
    (after,) = member.consumer.committed([member.place], timeout=15)
    assert (after.topic, after.partition, after.offset, after.metadata) == (member.topic, 0, 2, "a record")


def test_the_ends_of_a_partition_are_asked_or_what_the_last_fetch_said(member: Member) -> None:
    assert member.consumer.get_watermark_offsets(member.place, timeout=15) == (0, len(KEYS))
    member.seek_messages()
    assert member.consumer.get_watermark_offsets(member.place, cached=True)[1] == len(KEYS)


def test_a_partition_may_be_paused_and_resumed_and_sought(member: Member) -> None:
    for step in (member.consumer.pause, member.consumer.resume):
        assert step([member.place]) is None
    member.seek_messages()
    assert member.consumer.seek(TopicPartition(member.topic, 0, 1)) is None


def test_leaving_gives_back_what_was_assigned(member: Member) -> None:
    member.leave()
    assert member.revoked == [(member.topic, 0)]
