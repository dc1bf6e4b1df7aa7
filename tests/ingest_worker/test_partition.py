"""Where a partition starts, and how far it is behind."""

from __future__ import annotations

from typing import Any, Literal, cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from ingest_worker.partition import Partition, assigned, reset_of
from schemas.feed import Feed
from tests.ingest_worker.fakes import FakeConsumer

Reset = Literal["earliest", "latest", "none"]


def starting(reset: Reset, offset: int | None) -> Partition:
    consumer = FakeConsumer(committed={} if offset is None else {("topic", 0): offset})
    consumer.marks["topic", 0] = (3, 9)
    (partition,) = assigned(cast("Consumer", consumer), [TopicPartition("topic", 0)], {"topic": "id"}, {"topic": reset})
    return partition


@pytest.mark.parametrize(("reset", "position"), [("earliest", 3), ("latest", 9)])
def test_a_group_without_offsets_starts_where_the_data_source_says(reset: Reset, position: int) -> None:
    partition = starting(reset, None)
    assert (partition.position, partition.committed, partition.error) == (position, None, None)


def test_a_group_without_offsets_may_refuse_to_start() -> None:
    assert "KAFKA_AUTO_OFFSET_RESET" in (starting("none", None).error or "")


@pytest.mark.parametrize("reset", ["earliest", "latest", "none"])
def test_a_group_with_an_offset_starts_there(reset: Any) -> None:
    partition = starting(reset, 7)
    assert (partition.position, partition.committed, partition.error) == (7, 7, None)


def test_feeds_that_share_a_topic_start_as_early_as_any_of_them_wants() -> None:
    late = Feed("a", "topic", auto_offset_reset="latest")
    early = Feed("b", "topic", auto_offset_reset="earliest")
    assert reset_of([late]) == "latest"
    assert reset_of([late, early]) == "earliest"


def test_lag_is_counted_from_what_is_committed() -> None:
    partition = Partition("topic", 0, "id", 4, None)
    assert partition.lag_messages is None
    assert partition.lag_seconds(now=100, oldest_waiting=None) is None
    partition.high = 10
    assert partition.lag_messages == 6
    partition.committed = 10
    assert partition.lag_messages == 0
    assert partition.lag_seconds(now=100, oldest_waiting=1_000) == 0


def test_lag_in_seconds_is_the_age_of_the_oldest_that_is_not_stored() -> None:
    partition = Partition("topic", 0, "id", 4, 4, high=10, newest_timestamp=90_000)
    assert partition.lag_seconds(now=100, oldest_waiting=70_000) == 30
    assert partition.lag_seconds(now=100, oldest_waiting=None) == 10
