"""Topics: described, known by their id, and created."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

PARTITIONS = 6
_REQUEST_SECONDS = 10.0
_URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic that is deleted and made again gets another id (Kafka's KIP-516); partitions may be added to one."""

    topic_id: str
    partitions: int


def describe(admin: AdminClient, topics: Collection[str]) -> dict[str, TopicFacts | KafkaException | None]:
    """What a broker says of each topic: None when there is none of that name, the error where it does not say."""
    found: dict[str, TopicFacts | KafkaException | None] = {}
    described = admin.describe_topics(TopicCollection(list(topics)), request_timeout=_REQUEST_SECONDS)
    for topic, future in described.items():
        try:
            facts = future.result()
            found[topic] = TopicFacts(id_text(facts.topic_id), len(facts.partitions))
        except KafkaException as error:
            is_missing = error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            found[topic] = None if is_missing else error
    admin.poll(0)  # what librdkafka says of its connections is kept for a poll, however many outages long
    return found


def id_text(topic_id: object) -> str:
    """A topic's id as Kafka's own tools write it. librdkafka writes the same bytes in the other base64 alphabet, whose
    `/`, which every third id has, would end the id early in a fence key."""
    return str(topic_id).translate(_URL_SAFE)


def create(admin: AdminClient, topic: str) -> bool:
    """Create a topic with `PARTITIONS` partitions and the broker's replication; False when somebody else was faster.
    Raises `KafkaException`."""
    created = admin.create_topics(
        [NewTopic(topic, num_partitions=PARTITIONS)],
        operation_timeout=_REQUEST_SECONDS,
        request_timeout=_REQUEST_SECONDS,
    )
    try:
        created[topic].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True
