"""librdkafka's configuration of the worker's consumers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

MEBIBYTE = 1024 * 1024
# A broker that is back must be used again within seconds; librdkafka's 10 s are for fleets of clients.
_RECONNECT = {"reconnect.backoff.max.ms": 1000}


def consumer_config(
    kafka_config: Mapping[str, Any], group: str, queue_bytes: int, on_error: Callable[[KafkaError], None]
) -> dict[str, Any]:
    """Our defaults, then what `kafka_config` says (from the environment), then what correctness needs.

    `queue_bytes` bounds what this consumer fetches ahead. Names and ranges: librdkafka's CONFIGURATION.md.
    """
    fetch_bytes = max(MEBIBYTE, min(16 * MEBIBYTE, queue_bytes // 2))
    defaults: dict[str, Any] = {
        **_RECONNECT,
        # Partitions that are added to a topic must be read within ten seconds. The default is five minutes.
        "topic.metadata.refresh.interval.ms": 3000,
        # An event on an idle topic must not wait for others: the broker answers after 100 ms at the latest.
        "fetch.min.bytes": 65536,
        "fetch.wait.max.ms": 100,
        # With a full queue the default naps for a second, in which a fast reader empties it and starves.
        "fetch.queue.backoff.ms": 20,
        "queued.max.messages.kbytes": max(1024, queue_bytes // 1024),
        "fetch.max.bytes": fetch_bytes,
        "fetch.message.max.bytes": MEBIBYTE,
        # A broker returns a first message larger than any fetch limit whole; this bound must let it through.
        "receive.message.max.bytes": 128 * MEBIBYTE,
    }
    if kafka_config.get("group.protocol", "classic") == "classic":
        defaults |= {
            "partition.assignment.strategy": "cooperative-sticky",
            # A broker that was away for longer than this waits as long again for members that it knew before: they come
            # back under other names. The least that brokers allow by default.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 2000,
        }
    required: dict[str, Any] = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where a new group starts is decided at assignment. An offset that the broker no longer has must stop the
        # partition: starting anywhere else would lose or double events.
        "auto.offset.reset": "error",
        "error_cb": on_error,
    }
    return {**defaults, **kafka_config, **required}


def admin_config(kafka_config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the client that makes topics and asks for them, beside a consumer of the same one."""
    return {**_RECONNECT, **kafka_config}
