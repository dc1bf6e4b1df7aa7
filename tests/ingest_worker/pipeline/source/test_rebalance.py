"""What the group decides: partitions that come, go in order, and are lost."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.errors import SourceError
from ingest_worker.observing.partitions import PartitionsLost, PartitionsRevoked
from tests.ingest_worker.fakes import kafka_error
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


def test_a_revoked_partition_is_drained_committed_and_released() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [
        bench.assign,
        lambda: messages(10),
        do(bench.store_all, lambda: bench.consumer.revoke_now(PLACE)),
    ]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 10}]
    assert bench.of(PartitionsRevoked) == [PartitionsRevoked("group", ("topic/0",), drained=True)]
    assert bench.buffer.queue(PLACE) is None


def test_what_is_still_being_inserted_at_the_deadline_is_not_committed() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [
        bench.assign,
        lambda: messages(20),
        do(bench.buffer.take, lambda: bench.consumer.revoke_now(PLACE)),
    ]
    bench.run()
    assert bench.consumer.commits == []
    assert bench.of(PartitionsRevoked) == [PartitionsRevoked("group", ("topic/0",), drained=False)]


def test_a_lost_partition_is_never_committed() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [
        bench.assign,
        lambda: messages(10),
        do(bench.store_all, lambda: bench.consumer.lose_now(PLACE)),
    ]
    bench.run()
    assert bench.consumer.commits == []
    assert len(bench.of(PartitionsLost)) == 1


def test_a_failure_while_partitions_are_assigned_needs_a_new_consumer() -> None:
    bench = Bench()
    failure = KafkaException(kafka_error(KafkaError._TIMED_OUT))
    # A stand-in that raises.
    bench.consumer.committed = lambda *_, **__: (_ for _ in ()).throw(failure)  # type: ignore[method-assign]  # fails
    bench.consumer.calls = [bench.assign]
    with pytest.raises(SourceError, match="changed hands"):
        bench.run()
    assert bench.consumer.is_closed


def test_what_fails_unexpectedly_while_partitions_are_assigned_needs_a_new_consumer() -> None:
    bench = Bench()
    bench.consumer.committed = lambda *_, **__: [][0]  # type: ignore[method-assign]  # a stand-in that fails
    bench.consumer.calls = [bench.assign]
    with pytest.raises(SourceError, match="IndexError"):
        bench.run()
    assert bench.consumer.is_closed
