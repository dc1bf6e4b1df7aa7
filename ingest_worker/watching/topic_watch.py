"""Whether topics are still the ones that a consumer began with, asked after what was read of them.

Kafka's consumer knows topics by their name: it goes on reading a topic that was deleted and made again, at whatever
offset it had in the former one, and hands over messages that do not say which of the two they are of. Only an id
that was asked for *after* messages had been read, and is still the same, says so: ids never come back. So nothing is
sent to ClickHouse before such an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ingest_worker.observing.observations import Observer, report_failure
from service.backoff import Backoff
from service.kafka.topics import TopicFacts, describe

# Between two questions while batches wait for an answer: shorter than the time between two batches of a data source.
_STEP_SECONDS = 0.05
# Between two while none does: so late is a topic that was deleted noticed where nothing arrives.
_IDLE_SECONDS = 1.0
_BACKOFF = Backoff(first=0.2, longest=2.0)

Confirmed = Callable[[str, str, float], None]
"""Told of a topic, its id, and a moment on the clock: what was read of it before that moment is of that id."""


class TopicWatch:
    """Asks on a thread of its own. `known` are the topics as the consumer began with them, None for those that were
    missing then. Only `run` blocks, and `look`, for as long as a broker takes to answer."""

    def __init__(
        self,
        admin: AdminClient,
        known: Mapping[str, TopicFacts | None],
        on_confirmed: Confirmed,
        observe: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._admin = admin
        self._known = dict(known)
        self._on_confirmed = on_confirmed
        self._observe = observe
        self._clock = clock
        self._wanted: set[str] = set()
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        self._is_over = threading.Event()
        # What was found last of topics that are not as they were known: None while there is no topic of that name.
        self.changed: Mapping[str, TopicFacts | None] = {
            topic: None for topic, facts in self._known.items() if facts is None
        }

    def wake(self, topics: Collection[str]) -> None:
        """Batches of these topics wait to be confirmed. Does not block."""
        with self._lock:
            self._wanted.update(topics)
        self._has_work.set()

    def stop(self) -> None:
        self._is_over.set()
        self._has_work.set()

    def run(self) -> None:
        """Work until `stop`, whatever fails. Blocks."""
        failures = 0
        while not self._is_over.is_set():
            self._has_work.wait(_IDLE_SECONDS)
            self._has_work.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, set()
            try:
                is_answered = self.look(wanted or self._known)
            except Exception as error:
                is_answered = False
                report_failure("topic watch", error, self._observe, _BACKOFF.longest)
            if not is_answered:
                failures += 1
                self.wake(wanted)
                self._is_over.wait(_BACKOFF.delay(failures))
                continue
            failures = 0
            self._is_over.wait(_STEP_SECONDS)

    def look(self, topics: Collection[str]) -> bool:
        """Ask now, and tell; False when a broker did not answer for all of them."""
        asked_at = self._clock()
        found = describe(self._admin, topics)
        changed: dict[str, TopicFacts | None] = {}
        same: set[str] = set()
        is_answered = True
        for topic, facts in found.items():
            known = self._known[topic]
            if isinstance(facts, KafkaException):
                is_answered = False
            elif known is not None and facts is not None and facts.topic_id == known.topic_id:
                same.add(topic)
                self._on_confirmed(topic, known.topic_id, asked_at)
            else:
                changed[topic] = facts
        with self._lock:
            kept = {topic: facts for topic, facts in self.changed.items() if topic not in same}
            self.changed = kept | changed
        return is_answered
