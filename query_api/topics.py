"""Makes sure that a topic is there before events are written to it, and knows how large its messages may be."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic  # type: ignore[attr-defined]  # not in `__all__`

from query_api.errors import Unavailable

logger = logging.getLogger(__name__)

PARTITIONS = 6
# Kafka's default for a topic's `max.message.bytes`, for brokers that do not tell.
DEFAULT_MESSAGE_BYTES = 1_048_588
_BROKER_DEFAULT = -1
_SECONDS = 10.0
# Shorter, because a process that stops waits for a call that is under way.
_REFRESH_SECONDS = 3.0
# librdkafka's lines about every attempt to connect are left out: `Health` says once that a server is lost, and why.
QUIET: Mapping[str, Any] = {"log_level": 2}
_ADDRESS = re.compile(r"^.*?: Connect to \S+ failed: |^\S+:\d+(?:/\S+)?: ")
_CAUSE = re.compile(r" \(after \d+ms in state .*$")


class Topics(Protocol):
    """The broker's topics."""

    async def message_limit(self, topic: str) -> int:
        """Largest size in bytes of a message batch of the topic, which is created when it is missing.

        Raises `Unavailable` when the broker does not answer or does not let us.
        """
        ...

    async def refresh(self) -> None:
        """Ask the broker for its metadata. Raises `Unavailable` when it does not answer."""
        ...


class KafkaTopics:
    """Topics of one cluster; what was seen once is not asked again."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._last_error = ""
        options: dict[str, Any] = {**config, **QUIET, "error_cb": self._on_error}
        self._admin = AdminClient(options)
        self._limits: dict[str, int] = {}
        self._preparing: dict[str, asyncio.Task[int]] = {}

    async def message_limit(self, topic: str) -> int:
        if topic not in self._limits:
            # One look for all who ask meanwhile: a broker that does not answer must not be waited for in turn.
            task = self._preparing.get(topic) or self._prepare_once(topic)
            self._limits[topic] = await asyncio.shield(task)
        return self._limits[topic]

    async def refresh(self) -> None:
        try:
            await asyncio.to_thread(self._admin.list_topics, timeout=_REFRESH_SECONDS)
        except KafkaException as error:
            raise self._unavailable(error) from error

    def _prepare_once(self, topic: str) -> asyncio.Task[int]:
        task = self._preparing[topic] = asyncio.create_task(asyncio.to_thread(self._prepare, topic))

        def forget(done: asyncio.Task[int]) -> None:
            del self._preparing[topic]
            if not done.cancelled():
                done.exception()  # looked at here, because everybody who asked may be gone

        task.add_done_callback(forget)
        return task

    def _prepare(self, topic: str) -> int:
        try:
            # All topics are listed: asking for one by name can create it, with the broker's number of partitions.
            if topic not in self._admin.list_topics(timeout=_SECONDS).topics:
                self._create(topic)
        except KafkaException as error:
            raise self._unavailable(error) from error
        return self._read_limit(topic)

    def _create(self, topic: str) -> None:
        new = NewTopic(topic, num_partitions=PARTITIONS, replication_factor=_BROKER_DEFAULT)
        try:
            self._admin.create_topics([new], request_timeout=_SECONDS)[topic].result(_SECONDS)
            logger.info("created a topic", extra={"fields": {"topic": topic, "partitions": PARTITIONS}})
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _read_limit(self, topic: str) -> int:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            entries = self._admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
            return int(entries["max.message.bytes"].value)
        except (KafkaException, TimeoutError, KeyError, TypeError, ValueError):
            # Describing is a right of its own, and not every broker knows it.
            return DEFAULT_MESSAGE_BYTES

    def _unavailable(self, error: KafkaException) -> Unavailable:
        # Why a connection fails (refused, authentication) comes as an event and not with the failed call; its text
        # begins with the broker's address, which callers need not know.
        self._last_error = ""
        self._admin.poll(0)
        reason = self._last_error or error.args[0].str()
        return Unavailable(f"Kafka cannot be reached: {reason}")

    def _on_error(self, error: KafkaError) -> None:
        self._last_error = _CAUSE.sub("", _ADDRESS.sub("", error.str())) or error.name()
