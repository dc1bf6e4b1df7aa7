"""Partitions and what they feed: values that name themselves and are keys of what is held of them."""

from __future__ import annotations

from ingest_worker.storing.partitions import FeedPartition, PartitionId


def test_a_partition_is_written_as_people_do() -> None:
    assert str(PartitionId("web.events", 3)) == "web.events/3"


def test_what_feeds_several_data_sources_is_one_partition_of_each() -> None:
    first, second = FeedPartition("events", "topic", 3), FeedPartition("copies", "topic", 3)
    assert first != second
    assert first.partition == second.partition == PartitionId("topic", 3)
    assert len({first, second, FeedPartition("events", "topic", 3)}) == 2
