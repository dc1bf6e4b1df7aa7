"""Sees that the topics are there that data sources are fed from: created when missing, waited for otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ingest_worker.observing.observations import Observer
from ingest_worker.observing.servers import ServerAwaited
from ingest_worker.observing.topics import TopicCreated
from service.backoff import Backoff
from service.kafka.topics import PARTITIONS, TopicFacts, create, describe
from service.kafka.trouble import words_of

_BACKOFF = Backoff(first=0.5, longest=2.0)


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
                if create(admin, topic):
                    observe(TopicCreated(topic, PARTITIONS))
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


def _known(admin: AdminClient, topics: Collection[str]) -> dict[str, TopicFacts | None]:
    known: dict[str, TopicFacts | None] = {}
    for topic, facts in describe(admin, topics).items():
        if isinstance(facts, KafkaException):
            raise facts
        known[topic] = facts
    return known
