"""Writes a topic full before anybody reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer

from bench.errors import BenchError

# Lists of messages, so that one call into librdkafka takes many; far below its queue's default of 100,000.
_LIST = 5_000
_FLUSH_SECONDS = 120.0


def fill_topic(
    config: dict[str, Any], topic: str, messages: Iterable[bytes], partitions: int, *, first_partition: int = 0
) -> int:
    """Write messages to so many partitions in turn and wait until all are acknowledged; gives their number.

    Raises `BenchError` when the broker did not take all of them.
    """
    producer = Producer({**config, "linger.ms": 50, "compression.type": "lz4", "batch.size": 1_000_000})
    failed: list[str] = []

    def delivered(error: object, _: object) -> None:
        if error is not None:
            failed.append(str(error))

    number = 0
    for message in messages:
        while True:
            try:
                producer.produce(topic, message, partition=first_partition + number % partitions, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        number += 1
        if number % _LIST == 0:
            producer.poll(0)
    left = producer.flush(_FLUSH_SECONDS)
    if failed or left:
        raise BenchError(
            f"the broker did not take {len(failed) or left} of {number} events: {failed[:1] or 'no answer'}"
        )
    return number
