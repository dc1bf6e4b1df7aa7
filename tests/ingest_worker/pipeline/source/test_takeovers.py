"""What ClickHouse says of partitions: opened once owned, taken back from others after a while."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.errors import OwnershipLostError
from ingest_worker.observing.consuming import CommitFailed
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.takeover.request import Takeover
from tests.ingest_worker.fakes import kafka_error, recovered, seal_and_record
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, do, messages


def test_a_partition_that_is_fenced_is_begun_anew_after_a_while() -> None:
    bench = Bench(committed={PLACE: 0})
    states: list[Any] = []

    def fence() -> None:
        bench.buffer.flush()
        seal_and_record(bench.buffer)
        in_flight = bench.buffer.take()
        assert in_flight is not None
        bench.buffer.fence(in_flight)
        bench.buffer.give_up(in_flight)

    def note() -> None:
        states.append((bench.assignment.partitions[PLACE].state.value, len(bench.asked), set(bench.consumer.paused)))

    def wait() -> None:
        bench.clock.now += 6

    bench.consumer.calls = [bench.assign, lambda: messages(10), fence, note, do(note, wait), note, note]
    bench.run()
    assert states == [
        ("fenced", 1, {PLACE}),
        ("fenced", 1, {PLACE}),
        ("claiming", 2, {PLACE}),
        ("owned", 2, set()),
    ]
    assert bench.asked[1].fences == 1


def test_a_fenced_partition_of_a_member_that_has_left_is_not_taken_back() -> None:
    bench = Bench(committed={PLACE: 0})

    def leave() -> None:
        bench.clock.now += 6
        bench.consumer.refuse_commit = KafkaException(kafka_error(KafkaError.UNKNOWN_MEMBER_ID))
        partition = bench.assignment.partitions[PLACE]
        partition.state, partition.fences, partition.fenced_at = OwnerState.FENCED, 1, 0.0

    bench.consumer.calls = [bench.assign, None, leave, None]
    with pytest.raises(OwnershipLostError):
        bench.run()
    assert len(bench.asked) == 1


def test_taking_back_waits_while_the_group_settles() -> None:
    bench = Bench(committed={PLACE: 0})

    def unsettle() -> None:
        bench.clock.now += 6
        bench.consumer.refuse_commit = KafkaException(kafka_error(KafkaError.REBALANCE_IN_PROGRESS))
        partition = bench.assignment.partitions[PLACE]
        partition.state, partition.fences, partition.fenced_at = OwnerState.FENCED, 1, 0.0

    def settle() -> None:
        bench.clock.now += 1
        bench.consumer.refuse_commit = None

    bench.consumer.calls = [bench.assign, None, unsettle, None, None, None, settle, None]
    bench.run()
    assert len(bench.of(CommitFailed)) == 1  # not at every turn of the loop
    assert len(bench.asked) == 2


def test_a_partition_of_a_topic_made_again_while_no_worker_ran_is_read_from_its_beginning() -> None:
    bench = Bench(claims=False, reset="latest")
    bench.consumer.marks[PLACE] = (3, 9)

    def take() -> None:
        (partition,) = bench.asked
        taken = recovered(*bench.assignment.feed_partitions([partition]), position=3)
        bench.source.taken(Takeover((partition,), taken, anew=frozenset([PLACE])))

    starts: list[Any] = []
    bench.consumer.calls = [
        bench.assign,
        do(lambda: starts.append(dict(bench.consumer.assigned)), take),
        do(lambda: starts.append(dict(bench.consumer.assigned))),
        None,
    ]
    bench.run()
    assert starts == [{PLACE: 9}, {PLACE: 3}]
    assert bench.consumer.commits == [{PLACE: 9}, {PLACE: 3}]
