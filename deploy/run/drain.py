"""Before the embedded broker ends, and with it all it holds: wait until what it acknowledged is stored."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from schemas.feed import Feed
from service.deadline import Deadline
from service.kafka.password import opened

# Between two looks, and the longest that one answer may take (seconds).
POLL_SECONDS = 0.05
ANSWER_SECONDS = 2.0

Place = tuple[str, int]


class AcknowledgedEnds:
    """Up to where each partition holds what the API was acknowledged.

    The embedded broker's own word is not enough: the end that it gives for a partition counts the last batch of a
    producer as one message, however many that holds (tried on Tansu 0.6.0; offsets of messages are right).
    """

    def __init__(self) -> None:
        self.by_place: dict[Place, int] = {}

    def add(self, topic: str, offsets: Mapping[int, Sequence[int]]) -> None:
        """Documents were stored in a topic at these offsets by partition."""
        for partition, numbers in offsets.items():
            place = (topic, partition)
            self.by_place[place] = max(self.by_place.get(place, 0), max(numbers) + 1)


class Drain:
    """Compares where partitions end with what the groups that read them have committed."""

    def __init__(self, config: Mapping[str, Any], feeds: Iterable[Feed]) -> None:
        # They never subscribe, so they are no members of their groups and take no partitions.
        self._readers = [(feed, opened(Consumer, {**config, "group.id": feed.group_id})) for feed in feeds]

    def wait(self, acknowledged: Mapping[Place, int], deadline: Deadline) -> int:
        """Block until all is committed or the time is over; gives the number of messages that are left.

        `acknowledged` are ends by topic and partition beside those that the broker tells. Raises `KafkaException` when
        the broker does not answer.
        """
        while True:
            left = sum(_behind(consumer, feed.topic, acknowledged, deadline) for feed, consumer in self._readers)
            if left == 0 or deadline.is_over:
                return left
            time.sleep(deadline.at_most(POLL_SECONDS))

    def close(self) -> None:
        for _, consumer in self._readers:
            consumer.close()


def _behind(consumer: Consumer, name: str, acknowledged: Mapping[Place, int], deadline: Deadline) -> int:
    # A request without time would fail before it is sent, and the last look must be an honest one.
    seconds = max(deadline.at_most(ANSWER_SECONDS), 0.2)
    topic = consumer.list_topics(timeout=seconds).topics.get(name)
    places = [TopicPartition(name, number) for number in topic.partitions] if topic is not None else []
    behind = 0
    for place in consumer.committed(places, timeout=seconds) if places else []:
        watermarks = consumer.get_watermark_offsets(place, timeout=seconds, cached=False)
        end = max(watermarks[1] if watermarks else 0, acknowledged.get((name, place.partition), 0))
        # A partition without a commit has a negative offset.
        behind += max(end - max(place.offset, 0), 0)
    return behind
