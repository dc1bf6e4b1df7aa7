"""Makes sure that a topic is there before events are written to it, and knows which messages it takes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined]  # not in `__all__`

from query_api.errors import Unavailable
from service.kafka.password import opened
from service.kafka.topics import PARTITIONS, create
from service.kafka.trouble import Trouble, why, words_of

logger = logging.getLogger(__name__)

# Kafka's default for a topic's `max.message.bytes`, for brokers that do not tell.
DEFAULT_MESSAGE_BYTES = 1_048_588
_SECONDS = 10.0
# Shorter, because a process that stops waits for a call that is under way.
_REFRESH_SECONDS = 3.0
# What was read of a topic is read again after this many seconds, beside the requests: its settings can be changed.
_FRESH_SECONDS = 60.0
# Of their own, since a broker that does not answer must not hold up what requests need threads for. One is for looks.
_THREADS = 5
# librdkafka's lines about every attempt to connect are left out: `Health` says once that a server is lost, and why.
QUIET: Mapping[str, Any] = {"log_level": 2}


@dataclass(frozen=True, slots=True)
class TopicLimits:
    """Which messages a topic takes: `batch_bytes` is its `max.message.bytes`, of a batch of messages as it is sent.
    A compacted topic takes no message without a key (Kafka's LogValidator)."""

    batch_bytes: int = DEFAULT_MESSAGE_BYTES
    is_compacted: bool = False


class Topics(Protocol):
    """The broker's topics."""

    async def limits(self, topic: str, *, is_fresh: bool = False) -> TopicLimits:
        """What the topic takes, which is created when it is missing; `is_fresh`: asked for now.

        Raises `Unavailable` when the broker does not answer or does not let us.
        """
        ...

    async def refresh(self) -> None:
        """Ask the broker for its metadata. Raises `Unavailable` when it does not answer."""
        ...


class KafkaTopics:
    """Topics of one cluster; what was seen of one is asked again after a while, and nobody waits for that."""

    def __init__(self, config: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trouble = Trouble()
        self._admin = opened(AdminClient, {**config, **self._trouble.options()})
        self._known: dict[str, tuple[TopicLimits, float]] = {}  # and when to ask again
        self._preparing: dict[str, asyncio.Future[TopicLimits]] = {}
        self._threads = ThreadPoolExecutor(_THREADS - 1, thread_name_prefix="topics")
        self._look_thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-look")

    async def limits(self, topic: str, *, is_fresh: bool = False) -> TopicLimits:
        known = None if is_fresh else self._known.get(topic)
        if known is not None:
            if self._clock() >= known[1] and topic not in self._preparing:
                self._prepare_once(topic)
            return known[0]
        # One look for all who ask meanwhile: a broker that does not answer must not be waited for in turn.
        return await asyncio.shield(self._preparing.get(topic) or self._prepare_once(topic))

    async def refresh(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._look_thread, self._look)

    def _look(self) -> None:
        try:
            self._admin.list_topics(timeout=_REFRESH_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error
        self._admin.poll(0)
        self._trouble.forget()

    def _prepare_once(self, topic: str) -> asyncio.Future[TopicLimits]:
        task = asyncio.get_running_loop().run_in_executor(self._threads, self._prepare, topic)
        self._preparing[topic] = task

        def keep(done: asyncio.Future[TopicLimits]) -> None:
            del self._preparing[topic]
            # Looked at here, because everybody who asked may be gone.
            if not done.cancelled() and done.exception() is None:
                self._known[topic] = (done.result(), self._clock() + _FRESH_SECONDS)

        task.add_done_callback(keep)
        return task

    def _prepare(self, topic: str) -> TopicLimits:
        try:
            # All topics are listed: asking for one by name can create it, with the broker's number of partitions.
            if topic not in self._admin.list_topics(timeout=_SECONDS).topics:
                self._create(topic)
        except KafkaException as error:
            raise self._unavailable(error) from error
        return self._read_limits(topic)

    def _create(self, topic: str) -> None:
        try:
            if create(self._admin, topic):
                logger.info("created a topic", extra={"fields": {"topic": topic, "partitions": PARTITIONS}})
        except KafkaException as error:
            code = error.args[0].code()
            if code > 0:
                # A topic that we have no right to see looks as one that is not there.
                raise Unavailable(
                    f"Kafka shows no topic `{topic}` to this API and does not let it create one: {words_of(error)}"
                ) from error
            raise

    def _read_limits(self, topic: str) -> TopicLimits:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            entries = self._admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
            policy = entries.get("cleanup.policy")
            return TopicLimits(
                batch_bytes=int(entries["max.message.bytes"].value),
                is_compacted=policy is not None and "compact" in str(policy.value),
            )
        except (KafkaException, TimeoutError, KeyError, TypeError, ValueError):
            # Describing is a right of its own, and not every broker knows it.
            return TopicLimits()

    def _unavailable(self, error: KafkaException) -> Unavailable:
        verb = "refuses" if error.args[0].code() > 0 else "cannot be reached"
        return Unavailable(f"Kafka {verb}: {why(self._admin, self._trouble, error)}")
