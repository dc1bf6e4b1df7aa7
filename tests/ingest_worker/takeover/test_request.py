"""What is asked of the claimer: the keys to be owned, where each data source goes on, and what is left out."""

from __future__ import annotations

from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.storing.record import Cut, FeedProgress, Record, ResumePoint
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import TakeoverRequest

RECORD = Record("id", {"events": FeedProgress(7, (Cut(7, 9, 3),))})
FIRST = Partition("topic", 0, "id", 5, 5, RECORD, low=2)
SECOND = Partition("topic", 1, "id", 8, None)
FED = (FeedPartition("events", "topic", 0), FeedPartition("copies", "topic", 0), FeedPartition("events", "topic", 1))
REQUEST = TakeoverRequest((FIRST, SECOND), 7, FED)


def test_a_claim_names_each_partition_its_replays_and_each_topic_once() -> None:
    assert REQUEST.claim.owner == 7
    assert REQUEST.claim.keys == (
        "events/id/0",
        "events/replay/id/0",
        "copies/id/0",
        "copies/replay/id/0",
        "events/id/1",
        "events/replay/id/1",
        "events/topic/topic/id",
        "copies/topic/topic/id",
    )


def test_each_data_source_goes_on_where_the_record_says_and_else_at_the_groups_offset() -> None:
    assert REQUEST.recorded == {
        FED[0]: ResumePoint(7, (Cut(7, 9, 3),)),
        FED[1]: ResumePoint(5),
        FED[2]: ResumePoint(8),
    }


def test_what_is_begun_anew_starts_where_the_broker_does() -> None:
    anew = TakeoverRequest((FIRST,), 7, FED[1:2], anew=frozenset({FIRST.id}))
    assert anew.recorded == {FED[1]: ResumePoint(2)}


def test_partitions_are_left_out_with_all_that_they_feed() -> None:
    left = REQUEST.without({PartitionId("topic", 0)})
    assert (left.partitions, left.feed_partitions, left.names) == ((SECOND,), FED[2:], ("topic/1",))
