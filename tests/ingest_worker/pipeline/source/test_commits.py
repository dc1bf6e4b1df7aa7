"""Commits: what a refusal means, and when the next is tried."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.errors import OwnershipLostError
from ingest_worker.observing.consuming import CommitFailed
from ingest_worker.observing.partitions import PartitionsLost
from ingest_worker.pipeline.source.commits import STALE, UNSETTLED
from tests.ingest_worker.fakes import kafka_error
from tests.ingest_worker.pipeline.source.bench import PLACE, Bench, messages


def test_a_group_without_offsets_writes_its_start_down() -> None:
    bench = Bench()
    bench.consumer.marks[PLACE] = (3, 9)
    bench.consumer.calls = [bench.assign, None]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 3}]


def test_where_a_group_begins_is_written_down_before_clickhouse_is_asked() -> None:
    bench = Bench(claims=False)
    bench.consumer.marks[PLACE] = (3, 9)
    bench.consumer.calls = [bench.assign, None]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 3}]
    assert bench.consumer.metadata[PLACE] == '{"v":1,"topic":"id","lanes":{},"partitions":1}'


@pytest.mark.parametrize("code", sorted(STALE))
def test_a_commit_refused_as_stale_means_that_the_partitions_are_lost(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [bench.assign, lambda: messages(10), bench.store_all, None]
    bench.consumer.refuse_commit = KafkaException(kafka_error(code))
    with pytest.raises(OwnershipLostError):
        bench.run()
    assert bench.buffer.queue(PLACE) is None
    assert bench.consumer.commits == []
    assert bench.consumer.is_closed


@pytest.mark.parametrize("code", sorted(UNSETTLED))
def test_a_commit_on_the_way_between_two_generations_is_repeated(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.refuse_commit = KafkaException(kafka_error(code))

    def settle() -> None:
        bench.consumer.refuse_commit = None
        bench.clock.now += 1

    bench.consumer.calls = [bench.assign, lambda: messages(10), bench.store_all, None, settle]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 10}]
    assert bench.of(PartitionsLost) == []


@pytest.mark.parametrize("code", sorted(UNSETTLED))
def test_a_group_that_never_settles_has_lost_this_member(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.refuse_commit = KafkaException(kafka_error(code))

    def wait() -> None:
        bench.clock.now += 60

    bench.consumer.calls = [bench.assign, lambda: messages(10), bench.store_all, None, wait, None]
    with pytest.raises(OwnershipLostError):
        bench.run()
    assert bench.consumer.commits == []


def test_a_commit_that_fails_otherwise_is_repeated() -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.refuse_commit = KafkaException(kafka_error(KafkaError.COORDINATOR_NOT_AVAILABLE))

    def mend() -> None:
        bench.consumer.refuse_commit = None
        bench.clock.now += 5

    bench.consumer.calls = [bench.assign, lambda: messages(10), bench.store_all, None, mend]
    bench.run()
    assert len(bench.of(CommitFailed)) == 1
    assert bench.consumer.commits == [{PLACE: 10}]
