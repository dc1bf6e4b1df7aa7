"""The reading loop: what it reads, commits and leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.errors import SourceError
from ingest_worker.observing.consuming import OffsetsCommitted
from tests.ingest_worker.fakes import kafka_error, message
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


def test_reads_commits_what_is_stored_and_leaves() -> None:
    bench = Bench(committed={PLACE: 4})
    bench.consumer.calls = [bench.assign, lambda: messages(10, first=4), bench.store_all]
    assert bench.run()
    assert bench.consumer.assigned == {}
    assert bench.consumer.commits == [{PLACE: 14}]
    assert bench.of(OffsetsCommitted)[-1] == OffsetsCommitted("group", {"topic/0": 14})
    assert bench.consumer.is_closed


def test_nothing_is_read_before_it_is_owned() -> None:
    bench = Bench(claims=False)
    seen: list[Any] = []
    bench.consumer.calls = [
        bench.assign,
        lambda: messages(2, first=6),
        do(lambda: seen.append((set(bench.consumer.paused), list(bench.consumer.sought), bench.buffer.loads()))),
    ]
    bench.run()
    assert seen == [({PLACE}, [("topic", 0, 6)], {})]
    assert bench.consumer.commits == [{PLACE: 0}]  # where the group begins, and nothing of what was read


def test_a_fatal_error_needs_a_new_consumer() -> None:
    failure = kafka_error(KafkaError._FATAL, fatal=True)
    bench = Bench([message(None, None, 0, None, failure=failure)])
    with pytest.raises(SourceError):
        bench.run()
    assert bench.consumer.is_closed


def test_a_consumer_that_fails_commits_nothing_when_it_is_closed() -> None:
    bench = Bench(committed={PLACE: 0})
    failure = KafkaException(kafka_error(KafkaError._FAIL))
    bench.consumer.calls = [bench.assign, lambda: messages(10), lambda: do(bench.store_all)() or failure]
    with pytest.raises(KafkaException):
        bench.run()
    assert bench.consumer.commits == []
    assert bench.assignment.partitions == {}
