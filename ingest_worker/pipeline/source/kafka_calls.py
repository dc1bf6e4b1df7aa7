"""Calls from and to confluent-kafka whose failures it hands over in a form of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ingest_worker.errors import SourceError

RebalanceCallback = Callable[[Consumer, list[TopicPartition]], None]

logger = logging.getLogger(__name__)


def as_source_error(callback: RebalanceCallback) -> RebalanceCallback:
    """A callback whose failure comes out of `consume` as a `SourceError`: what confluent-kafka makes of a
    `KafkaException` raised in a callback matches no `except` at all, and would end the thread."""

    def call(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            callback(consumer, partitions)
        except SourceError:
            raise
        except KafkaException as error:
            reason = error.args[0].str()
        except Exception as error:
            logger.exception("unexpected failure while partitions changed hands")
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        raise SourceError(f"while partitions changed hands: {reason}")

    return call


def commit_error(consumer: Consumer, offsets: list[TopicPartition]) -> KafkaError | None:
    """Commit and wait: why it was refused, of the first partition that was; None when the broker took all."""
    try:
        results = consumer.commit(offsets=offsets, asynchronous=False) or []
    except KafkaException as exception:
        failure: KafkaError = exception.args[0]
        return failure
    return next((result.error for result in results if result.error is not None), None)
