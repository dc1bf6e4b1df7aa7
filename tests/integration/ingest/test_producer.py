"""The producer and the topics on a real broker: what is stored where, and what happens without one."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from query_api.errors import TooLarge, Unavailable
from query_api.events.committed import KafkaCommittedOffsets
from query_api.events.producer import KafkaProducer
from query_api.events.topics import KafkaTopics
from service.kafka.topics import PARTITIONS

LIMIT = 1_048_588


def producer_of(bootstrap_servers: str, *, buffered_bytes: int = 2**27, seconds: float = 15) -> KafkaProducer:
    config = {"bootstrap.servers": bootstrap_servers}
    return KafkaProducer(config, lambda _: None, buffered_bytes=buffered_bytes, delivery_seconds=seconds)


async def test_every_document_has_its_own_offset(kafka: str, unique_name: str) -> None:
    topics, producer = KafkaTopics({"bootstrap.servers": kafka}), producer_of(kafka)
    # All at once, as the first requests of a new topic come.
    limits = await asyncio.gather(*(topics.limits(unique_name) for _ in range(20)))
    assert len(set(limits)) == 1
    documents = [b'{"n":%d}' % number for number in range(1000)]
    batches = await asyncio.gather(
        *(producer.produce(unique_name, documents[at : at + 50], limit=LIMIT) for at in range(0, 1000, 50))
    )
    offsets = [item for batch in batches for item in batch.offsets.items()]
    places = [(partition, offset) for partition, numbers in offsets for offset in numbers]
    assert all(batch.earliest > 1_700_000_000_000 for batch in batches)
    assert len(places) == len(set(places)) == 1000
    assert {partition for partition, _ in places} <= set(range(PARTITIONS))
    await producer.close(10)


async def test_without_a_broker_events_are_503_and_the_room_for_them_comes_back(unused_tcp_port: int) -> None:
    producer = producer_of(f"127.0.0.1:{unused_tcp_port}", buffered_bytes=2**20, seconds=1)
    large = b"x" * 900_000
    first = asyncio.create_task(producer.produce("nowhere", [large], limit=LIMIT))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="`BIRDHOUSE_API_MAX_BUFFERED_BYTES`"):
        await producer.produce("nowhere", [large], limit=LIMIT)
    with pytest.raises(Unavailable, match="Kafka did not acknowledge"):
        await first
    with pytest.raises(Unavailable, match="Kafka did not acknowledge"):
        await producer.produce("nowhere", [large], limit=LIMIT)
    await producer.close(0)


async def test_a_broker_that_is_not_there_is_503_with_the_reason_and_without_its_address(unused_tcp_port: int) -> None:
    topics = KafkaTopics({"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"})
    with pytest.raises(Unavailable, match=r"^Kafka cannot be reached: Connection refused$"):
        await topics.refresh()


async def test_committed_offsets_are_those_of_the_group(kafka: str, unique_name: str) -> None:
    topics, committed = KafkaTopics({"bootstrap.servers": kafka}), KafkaCommittedOffsets({"bootstrap.servers": kafka})
    await topics.limits(unique_name)
    assert await committed.read(unique_name, unique_name, frozenset({0, 1})) == {}
    ends = ConsumerGroupTopicPartitions(unique_name, [TopicPartition(unique_name, 1, 42)])
    admin = AdminClient({"bootstrap.servers": kafka})
    await asyncio.to_thread(admin.alter_consumer_group_offsets([ends])[unique_name].result, 10)
    assert await committed.read(unique_name, unique_name, frozenset({0, 1})) == {1: 42}


async def test_a_caller_who_leaves_frees_no_room_until_the_broker_has_answered(unused_tcp_port: int) -> None:
    producer = producer_of(f"127.0.0.1:{unused_tcp_port}", buffered_bytes=2**20, seconds=1)
    large = b"x" * 900_000
    left = asyncio.create_task(producer.produce("nowhere", [large], limit=LIMIT))
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    with pytest.raises(Unavailable, match="`BIRDHOUSE_API_MAX_BUFFERED_BYTES`"):
        await producer.produce("nowhere", [large], limit=LIMIT)
    async with asyncio.timeout(20):
        while True:
            try:
                await producer.produce("nowhere", [large], limit=LIMIT)
            except Unavailable as error:
                if "did not acknowledge" in error.message:
                    break
            await asyncio.sleep(0.1)
    await producer.close(0)


@pytest.mark.parametrize("count", [1, 2])
async def test_a_document_that_the_client_does_not_take_is_413_at_once_and_holds_no_room(
    unused_tcp_port: int, count: int
) -> None:
    producer = producer_of(f"127.0.0.1:{unused_tcp_port}", buffered_bytes=2**20, seconds=60)
    for _ in range(2):
        with pytest.raises(TooLarge, match="larger than Kafka takes"):
            async with asyncio.timeout(10):
                await producer.produce("nowhere", [b"x" * 2**21] * count, limit=LIMIT)
    await producer.close(0)


@pytest.mark.parametrize("count", [1, 999, 2500])
async def test_as_many_offsets_as_documents_whether_they_are_handed_over_on_the_loop_or_on_a_thread(
    kafka: str, unique_name: str, count: int
) -> None:
    topics, producer = KafkaTopics({"bootstrap.servers": kafka}), producer_of(kafka)
    await topics.limits(unique_name)
    delivered = await producer.produce(unique_name, [b'{"n":%d}' % number for number in range(count)], limit=LIMIT)
    assert sum(len(set(offsets)) for offsets in delivered.offsets.values()) == count
    await producer.close(10)
