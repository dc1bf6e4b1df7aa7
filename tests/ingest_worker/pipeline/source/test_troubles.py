"""Errors among the messages, and topics that are gone or made again."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError

from ingest_worker.errors import TopicReplacedError
from ingest_worker.observing.consuming import KafkaTroubled
from ingest_worker.observing.partitions import PartitionBroken
from ingest_worker.observing.topics import TopicGone
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import kafka_error, message
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


@pytest.mark.parametrize("code", [KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE])
def test_an_offset_that_the_broker_does_not_hold_stops_that_partition(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    states: list[Any] = []
    bench.consumer.calls = [
        bench.assign,
        lambda: [message("topic", 0, 0, b"out of range", failure=kafka_error(code))],
        do(lambda: states.append(set(bench.consumer.paused))),
    ]
    bench.run()
    (broken,) = bench.of(PartitionBroken)
    assert "kafka-consumer-groups" in broken.hint
    assert states == [{PLACE}]
    assert bench.consumer.commits == []


def test_other_errors_are_said_and_the_end_of_a_partition_is_none() -> None:
    bench = Bench(
        [
            message("topic", 0, 0, None, failure=kafka_error(KafkaError._PARTITION_EOF)),
            message(None, None, 0, None, failure=kafka_error(KafkaError._TRANSPORT)),
        ]
    )
    bench.run()
    assert len(bench.of(KafkaTroubled)) == 1


def test_another_topic_of_that_name_needs_a_new_consumer() -> None:
    bench = Bench(committed={PLACE: 0})

    def replace() -> None:
        bench.watch.changed = {"topic": TopicFacts("other", 1)}

    bench.consumer.calls = [bench.assign, lambda: messages(10), replace, lambda: messages(10, first=10), None]
    with pytest.raises(TopicReplacedError):
        bench.run()
    assert bench.buffer.queue(PLACE) is None
    assert bench.buffer.memory_bytes == 0


def test_a_topic_that_is_gone_is_said_once_not_read_and_read_on_when_it_was_only_not_seen() -> None:
    bench = Bench(committed={PLACE: 0})
    paused: list[set[Any]] = []

    def note() -> None:
        paused.append(set(bench.consumer.paused))

    def lose() -> None:
        bench.watch.changed = {"topic": None}

    def find() -> None:
        note()
        bench.watch.changed = {}

    bench.consumer.calls = [bench.assign, lambda: messages(10), lose, note, find, note]
    bench.run()
    assert paused == [{PLACE}, {PLACE}, set()]
    assert bench.of(TopicGone) == [TopicGone("group", "topic")]


def test_an_offset_that_is_out_of_range_in_a_topic_that_was_made_again_is_not_the_fault_of_the_offset() -> None:
    bench = Bench(committed={PLACE: 50})
    failure = kafka_error(KafkaError._AUTO_OFFSET_RESET)
    bench.watch.will_be = {"topic": TopicFacts("other", 1)}
    bench.consumer.calls = [bench.assign, [message("topic", 0, 0, None, failure=failure)]]
    with pytest.raises(TopicReplacedError):
        bench.run()
    assert bench.of(PartitionBroken) == []
