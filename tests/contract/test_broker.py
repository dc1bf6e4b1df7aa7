"""What the API asks of a broker: Kafka's own and the tests' one take events and tell of them alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from query_api.errors import Unavailable
from query_api.events.committed import CommittedOffsets, KafkaCommittedOffsets
from query_api.events.producer import EventProducer, KafkaProducer
from query_api.events.topics import KafkaTopics, Topics
from tests.query_api.fakes import FakeBroker

DOCUMENTS = [b'{"n":%d}' % number for number in range(20)]


@dataclass
class Broker:
    producer: EventProducer
    topics: Topics
    committed: CommittedOffsets
    topic: str
    commit: Any  # (partition, offset): what a group has stored


async def _real(kafka: str, topic: str) -> AsyncIterator[Broker]:
    config: dict[str, Any] = {"bootstrap.servers": kafka}
    admin = AdminClient(config)
    made = admin.create_topics([NewTopic(topic, 1, config={"max.message.bytes": "5000"})])
    await asyncio.to_thread(made[topic].result, 15)
    producer = KafkaProducer(config, lambda _: None, buffered_bytes=2**27, delivery_seconds=15)

    def commit(partition: int, offset: int) -> None:
        ends = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, partition, offset)])
        admin.alter_consumer_group_offsets([ends])[topic].result(15)

    yield Broker(producer, KafkaTopics(config), KafkaCommittedOffsets(config), topic, commit)
    await producer.close(10)


async def _fake() -> AsyncIterator[Broker]:
    broker = FakeBroker(message_limit_bytes=5000)
    yield Broker(broker, broker, broker, "topic", lambda *_: None)
    await broker.close(10)


@pytest.fixture(params=["fake", pytest.param("Kafka", marks=pytest.mark.needs("kafka"))])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "fake":
        opened = _fake()
    else:
        opened = _real(request.getfixturevalue("kafka"), request.getfixturevalue("unique_name"))
    async for each in opened:
        yield each


async def test_every_document_has_an_offset_of_its_own_and_they_follow_each_other(broker: Broker) -> None:
    first = await broker.producer.produce(broker.topic, DOCUMENTS, limit=5000)
    ((partition, offsets),) = first.offsets.items()
    assert sorted(offsets) == list(range(len(DOCUMENTS)))
    assert first.earliest > 1_600_000_000_000
    second = await broker.producer.produce(broker.topic, DOCUMENTS[:1], limit=5000)
    assert {number: list(each) for number, each in second.offsets.items()} == {partition: [len(DOCUMENTS)]}
    assert (first + second).offsets[partition][-1] == len(DOCUMENTS)


async def test_a_topic_tells_what_it_takes(broker: Broker) -> None:
    for is_fresh in (False, True):
        limits = await broker.topics.limits(broker.topic, is_fresh=is_fresh)
        assert (limits.batch_bytes, limits.is_compacted) == (5000, False)


async def test_a_broker_that_is_there_is_no_trouble(broker: Broker) -> None:
    await broker.topics.refresh()
    assert broker.producer.trouble is None
    assert broker.producer.is_alive


async def test_what_a_group_has_stored_is_told_by_partition(broker: Broker) -> None:
    stored = await broker.producer.produce(broker.topic, DOCUMENTS, limit=5000)
    (partition,) = stored.offsets
    await asyncio.to_thread(broker.commit, partition, len(DOCUMENTS))
    read = await broker.committed.read(broker.topic, broker.topic, frozenset({partition}))
    assert dict(read) == {partition: len(DOCUMENTS)}


@pytest.mark.parametrize("kind", ["fake", "Kafka"])
async def test_a_broker_that_is_not_there_is_unavailable(kind: str, unused_tcp_port: int) -> None:
    topics: Topics
    if kind == "fake":
        topics = FakeBroker(error=Unavailable("Kafka cannot be reached: Connection refused"))
    else:
        topics = KafkaTopics({"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"})
    message = ""
    for _ in range(2):  # the first look may end before anything is refused
        with pytest.raises(Unavailable) as refused:
            await topics.refresh()
        message = refused.value.message
    assert message == "Kafka cannot be reached: Connection refused"
