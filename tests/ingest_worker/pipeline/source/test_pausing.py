"""When nothing is read, and how reading begins again."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.observing.consuming import SourceTimed
from tests.ingest_worker.fakes import kafka_error
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


def test_a_full_buffer_is_waited_for_before_anything_is_paused() -> None:
    bench = Bench(committed={PLACE: 0}, budget=300)
    states: list[Any] = []

    def pass_time(_: float) -> None:
        states.append(set(bench.consumer.paused))
        bench.clock.now += 2

    bench.sleep = pass_time
    bench.consumer.calls = [bench.assign, lambda: messages(20), do(lambda: states.append(set(bench.consumer.paused)))]
    bench.run()
    assert states == [set(), {PLACE}]
    assert {entry.step for entry in bench.of(SourceTimed)} >= {"hold", "consume"}


@pytest.mark.parametrize("refusal", [None, KafkaException(kafka_error(KafkaError._TIMED_OUT))])
def test_the_broker_of_a_resumed_partition_is_asked_something_which_may_fail(refusal: KafkaException | None) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.refuse_marks = refusal
    bench.consumer.calls = [bench.assign, lambda: messages(3)]
    bench.run()
    assert bench.consumer.marks_asked == [PLACE]
