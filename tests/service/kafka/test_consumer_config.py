"""The consumer's configuration: ours, then the operator's, then what correctness needs."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaError

from service.kafka.consumer_config import MEBIBYTE, consumer_config


def on_error(_: KafkaError) -> None:
    """Nobody listens."""


def config(**given: Any) -> dict[str, Any]:
    properties = {name.replace("_", "."): value for name, value in given.items()}
    return consumer_config({"bootstrap.servers": "127.0.0.1:1", **properties}, "group", 8 * MEBIBYTE, on_error)


def test_the_operator_overrides_defaults() -> None:
    assert config(fetch_min_bytes=7)["fetch.min.bytes"] == 7


def test_nobody_overrides_what_correctness_needs() -> None:
    made = config(enable_auto_commit=True, auto_offset_reset="latest", group_id="other")
    assert (made["enable.auto.commit"], made["auto.offset.reset"], made["group.id"]) == (False, "error", "group")


def test_the_queue_is_bounded_by_its_share_of_the_budget() -> None:
    made = config()
    assert made["queued.max.messages.kbytes"] == 8 * 1024
    assert made["fetch.max.bytes"] == 4 * MEBIBYTE


def test_librdkafka_takes_it_with_both_group_protocols() -> None:
    for given in ({}, {"group_protocol": "consumer"}):
        Consumer(config(**given)).close()


def test_ten_megabytes_pass() -> None:
    assert config()["receive.message.max.bytes"] > 10 * MEBIBYTE
