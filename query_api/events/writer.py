"""One librdkafka producer and the thread that serves its delivery reports; one that failed for good is made anew."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from query_api.errors import Unavailable
from query_api.events.delivery import Delivery
from query_api.observing.lifetime import BackgroundFailed
from query_api.observing.observations import Observer
from query_api.observing.servers import ProducerFailed
from service.backoff import Backoff
from service.kafka.password import opened
from service.kafka.trouble import words_of

BACKOFF = Backoff(first=0.5, longest=5.0)
_POLL_SECONDS = 0.1
# A producer asks for its id as soon as it is made, and a refusal comes with the broker's answer: one that was not
# refused for this long may be trusted.
TRIAL_SECONDS = 3.0
# One that served this long before it failed starts the back-off from the beginning.
_HEALTHY_SECONDS = 60.0
_PURGE_SECONDS = 5.0
# librdkafka remembers for minutes that a topic was refused to it, and refuses messages for it without asking again.
_TOPIC_REFUSALS = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART})
_ASK_AGAIN_SECONDS, _ASK_AGAIN_FOR_SECONDS = 1.0, 60.0

logger = logging.getLogger(__name__)


class Writer:
    """`wake` is called from the writer's thread after reports, and from where documents are refused."""

    def __init__(
        self,
        config: Mapping[str, Any],
        observe: Observer,
        wake: Callable[[], None],
        *,
        make: Callable[..., Producer] = Producer,
        backoff: Backoff = BACKOFF,
        trial_seconds: float = TRIAL_SECONDS,
    ) -> None:
        """Raises `KafkaException` for a configuration that librdkafka refuses."""
        self._config = dict(config)
        self._observe = observe
        self._wake = wake
        self._make = make
        self._backoff = backoff
        self._trial_seconds = trial_seconds
        self._producer: Producer | None = opened(make, self._config)
        self._made_at = time.monotonic()
        self._failures = 0
        self._trouble: str | None = None
        self._refused_topics: dict[str, float] = {}  # until when each is asked for again
        self._ask_at = 0.0
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="delivery-reports", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written, as far as this is known; None while nothing speaks against it."""
        return self._trouble

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def hand_over(self, topic: str, documents: Sequence[bytes], delivery: Delivery) -> None:
        """Give documents to librdkafka; all that becomes of them is told to `delivery`. Does not block."""
        producer = self._producer
        if producer is None:
            delivery.refuse(len(documents), self._trouble)
            self._wake()
            return
        try:
            if len(documents) == 1:
                producer.produce(topic, documents[0], on_delivery=delivery.report)
                return
            messages: list[dict[str, Any]] = [{"value": document} for document in documents]
            taken = producer.produce_batch(topic, messages, on_delivery=delivery.report)
        except (KafkaException, BufferError) as error:
            self._refused(topic, error)
            delivery.refuse(len(documents), error)
        else:
            if taken == len(messages):
                return
            refused = [message["_error"] for message in messages if "_error" in message]
            self._refused(topic, refused[0])
            delivery.refuse(len(refused), refused[0])
        self._wake()

    def check(self) -> None:
        """Raises `Unavailable` while there is no producer."""
        if self._producer is None:
            raise Unavailable(f"Kafka takes no events from this API: {self._trouble}", retry_after=5)

    def close(self, seconds: float) -> int:
        """Wait until everything handed over is acknowledged, for that many seconds at most, and end. Blocks. How many
        messages are left."""
        left = 0
        if self._producer is not None:
            with suppress(KafkaException):
                left = self._producer.flush(seconds)
        self._is_closed.set()
        self._thread.join(5)
        return left

    # The thread.

    def _serve(self) -> None:
        while not self._is_closed.is_set():
            try:
                self._turn()
            except Exception as error:
                # Nobody else would ever report a delivery: whatever it is, the thread goes on.
                self._recover(error)

    def _turn(self) -> None:
        if self._producer is None:
            self._producer, self._made_at = opened(self._make, self._config), time.monotonic()
        self._producer.poll(_POLL_SECONDS)
        self._wake()
        if self._trouble is not None and time.monotonic() - self._made_at > self._trial_seconds:
            self._trouble = None
        if self._refused_topics:
            self._ask_again(self._producer)

    def _recover(self, error: Exception) -> None:
        lived = time.monotonic() - self._made_at
        self._failures = 1 if lived > _HEALTHY_SECONDS else self._failures + 1
        delay = self._backoff.delay(self._failures)
        if isinstance(error, KafkaException) and error.args[0].fatal():
            self._trouble = words_of(error)
            self._abandon()
            self._observe(ProducerFailed(self._trouble, delay))
        else:
            self._observe(BackgroundFailed("delivery reports", error))
        self._is_closed.wait(delay)

    def _abandon(self) -> None:
        """Have everything that the failed producer still holds answered: nothing of it will be sent any more. What was
        on its way may be stored or not, so that sending it with another producer could double it."""
        producer, self._producer = self._producer, None
        give_up = time.monotonic() + _PURGE_SECONDS
        while producer is not None and len(producer) and time.monotonic() < give_up:
            with suppress(KafkaException):
                producer.purge()
                producer.poll(_POLL_SECONDS)
        self._wake()

    def _refused(self, topic: str, error: object) -> None:
        cause = error.args[0] if isinstance(error, KafkaException) else error
        if isinstance(cause, KafkaError) and cause.code() in _TOPIC_REFUSALS:
            self._refused_topics[topic] = time.monotonic() + _ASK_AGAIN_FOR_SECONDS

    def _ask_again(self, producer: Producer) -> None:
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + _ASK_AGAIN_SECONDS
        for topic, until in list(self._refused_topics.items()):
            with suppress(KafkaException):
                found = producer.list_topics(topic, timeout=_ASK_AGAIN_SECONDS).topics.get(topic)
                if found is not None and found.error is None:
                    until = 0.0
            if now >= until:
                self._refused_topics.pop(topic, None)
