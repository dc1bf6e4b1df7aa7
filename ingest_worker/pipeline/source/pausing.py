"""When nothing is read of partitions: memory is used up, they are not owned, or something is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException

from ingest_worker.pipeline.source.session import Session
from ingest_worker.takeover.partition import Partition

# A paused partition that is resumed brings nothing for up to a second, and what was fetched ahead is thrown away. So
# while nobody else could read anyway, a full buffer is waited for this long before anything is paused.
_HOLD_SECONDS = 1.0
_WAKE_SECONDS, _WAKE_STEP_SECONDS = 0.1, 0.01


class Pausing:
    """All on the thread that reads."""

    def __init__(self, session: Session) -> None:
        self._assignment = session.assignment
        self._clock = session.context.clock
        self._full_since: float | None = None

    def must_hold(self) -> bool:
        """Whether to read nothing for a moment, and to pause nothing either."""
        if not self._assignment.is_full:
            self._full_since = None
            return False
        if self._full_since is None:
            self._full_since = self._clock()
        return self._clock() - self._full_since < _HOLD_SECONDS

    def switch(self, consumer: Consumer) -> None:
        """Pause and resume what is to be paused and resumed now."""
        pause, resume = self._assignment.to_switch()
        if pause:
            consumer.pause([partition.topic_partition for partition in pause])
        if resume:
            consumer.resume([partition.topic_partition for partition in resume])
            self._wake(consumer, resume)

    def _wake(self, consumer: Consumer, resumed: Sequence[Partition]) -> None:
        """Have resumed partitions fetched at once.

        librdkafka's thread for a broker that it may fetch nothing from sleeps for up to a second, and a resume does not
        wake it; any request to that broker does. It is the request that counts, so the answer is hardly waited for.
        """
        until = self._clock() + _WAKE_SECONDS
        for partition in resumed:
            if self._clock() >= until:
                return  # the others begin within the second
            with suppress(KafkaException):
                consumer.get_watermark_offsets(partition.topic_partition, timeout=_WAKE_STEP_SECONDS)
