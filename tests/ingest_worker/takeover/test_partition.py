"""Where a partition starts, and how far it is behind."""

from __future__ import annotations

from typing import Any, Literal, cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from ingest_worker.storing.record import FeedProgress, Record
from ingest_worker.takeover.partition import Partition, assigned, reset_of
from schemas.feed import Feed
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import FakeConsumer

Reset = Literal["earliest", "latest", "none"]


FACTS = {"topic": TopicFacts("id", 2)}


def starting(
    reset: Reset, offset: int | None, *, others: dict[int, Record | None] | None = None, made_again: bool = False
) -> Partition:
    """Partition 0 with the group's offset and what the group's offsets of other partitions have beside them."""
    consumer = FakeConsumer(committed={} if offset is None else {("topic", 0): offset})
    consumer.marks["topic", 0] = (3, 9)
    for number, record in (others or {}).items():
        consumer.group_offsets["topic", number] = 5
        consumer.metadata["topic", number] = record.encode(5) if record is not None else ""
    (partition,) = assigned(
        cast("Consumer", consumer),
        [TopicPartition("topic", 0)],
        FACTS,
        {"topic": reset},
        ["topic"] if made_again else (),
    )
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


@pytest.mark.parametrize("reset", ["earliest", "latest", "none"])
@pytest.mark.parametrize(
    ("others", "position"),
    [
        pytest.param({1: Record("id", {}, 0)}, 3, id="came later"),
        pytest.param({1: Record("id", {})}, 3, id="nobody wrote down how many there were"),
        pytest.param({1: None}, 3, id="somebody else set the other one"),
        pytest.param({1: Record("former", {}, 2)}, 3, id="the group is of a former topic"),
    ],
)
def test_a_partition_that_came_after_the_group_began_is_read_from_its_beginning(
    reset: Any, others: dict[int, Record | None], position: int
) -> None:
    partition = starting(reset, None, others=others)
    assert (partition.position, partition.error, partition.first_partitions) == (position, None, 0)


def test_a_partition_that_was_there_when_another_worker_of_the_group_began_starts_as_its_data_source_says() -> None:
    partition = starting("latest", None, others={1: Record("id", {}, 2)})
    assert (partition.position, partition.first_partitions) == (9, 2)


@pytest.mark.parametrize("reset", ["earliest", "latest", "none"])
def test_a_topic_that_was_made_again_is_read_from_its_beginning(reset: Any) -> None:
    partition = starting(reset, None, made_again=True)
    assert (partition.position, partition.error) == (3, None)
    partition = starting(reset, 7, others={0: Record("former", {"events": FeedProgress(5)}, 2)})
    assert (partition.position, partition.committed, partition.record, partition.former_id) == (3, None, None, "former")


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
