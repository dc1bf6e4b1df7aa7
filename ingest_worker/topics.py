"""Topics that data sources are fed from: created when missing, and known by their id."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ingest_worker.observations import Observer, ServerAwaited, TopicCreated
from service.backoff import Backoff
from service.kafka_trouble import words_of

PARTITIONS = 6
_REQUEST_SECONDS = 10.0
_URL_SAFE = str.maketrans("+/", "-_")
_BACKOFF = Backoff(first=0.5, longest=2.0)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic that is deleted and made again gets another id (Kafka's KIP-516); partitions may be added to one."""

    topic_id: str
    partitions: int


def ensure_topics(
    admin: AdminClient,
    topics: Collection[str],
    observe: Observer,
    stop: threading.Event,
    *,
    may_be_missing: Collection[str] = (),
    explain: Callable[[KafkaException], str] = words_of,
) -> Mapping[str, TopicFacts | None] | None:
    """Each topic by name, after creating those that are missing with 6 partitions; None for one that `may_be_missing`:
    who deletes a topic under a worker does not want the worker to make it again.

    Waits without end, saying so, for a broker that cannot be reached or refuses; None when `stop` is set first.
    `explain` says why a call failed.
    """
    failures = 0
    while not stop.is_set():
        try:
            known = _known(admin, topics)
            missing = [topic for topic in topics if known[topic] is None and topic not in may_be_missing]
            if not missing:
                return known
            for topic in missing:
                _create(admin, topic, observe)
            reason = f"topics were created and are not visible yet: {', '.join(missing)}"
        except KafkaException as error:
            reason = explain(error)
        failures += 1
        delay = _BACKOFF.delay(failures)
        # A new topic takes a moment to appear: only what lasts is worth a line.
        if failures > 2 or "not visible yet" not in reason:
            observe(ServerAwaited("kafka", reason, delay))
        stop.wait(delay)
    return None


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


def _known(admin: AdminClient, topics: Collection[str]) -> dict[str, TopicFacts | None]:
    known: dict[str, TopicFacts | None] = {}
    for topic, facts in describe(admin, topics).items():
        if isinstance(facts, KafkaException):
            raise facts
        known[topic] = facts
    return known


def id_text(topic_id: object) -> str:
    """A topic's id as Kafka's own tools write it. librdkafka writes the same bytes in the other base64 alphabet, whose
    `/`, which every third id has, would end the id early in a fence key."""
    return str(topic_id).translate(_URL_SAFE)


def _create(admin: AdminClient, topic: str, observe: Observer) -> None:
    created = admin.create_topics(
        [NewTopic(topic, num_partitions=PARTITIONS)],
        operation_timeout=_REQUEST_SECONDS,
        request_timeout=_REQUEST_SECONDS,
    )
    try:
        created[topic].result()
    except KafkaException as error:
        # Another worker that started at the same moment was faster.
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    else:
        observe(TopicCreated(topic, PARTITIONS))
