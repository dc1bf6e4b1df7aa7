"""The status of a worker, as `/status` shows it."""

from __future__ import annotations

import json

from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer, Stall
from ingest_worker.status import status_of
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.takeover.partition import Partition, Refusal
from ingest_worker.takeover.request import Takeover
from tests.ingest_worker.fakes import LIMITS, Clock, context, recovered, run


def test_says_of_each_partition_where_it_stands() -> None:
    budget = MemoryBudget(10**9, 1)
    buffer = Buffer("events", LIMITS, budget, Clock())
    assignment = Assignment(context(), {"topic": [buffer]})
    owned = Partition("topic", 0, "id", position=5, committed=5, high=20, high_at=100.0)
    claimed = Partition("topic", 1, "id", position=0, committed=None, error="broken")
    assignment.add([owned, claimed])
    assignment.own(Takeover((owned,), recovered(FeedPartition("events", "topic", 0), position=5)))
    assignment.take(run("topic", 0, b"vv", b"vv", first_offset=5))
    buffer.stalls[PartitionId("topic", 0)] = Stall("a view throws", "rollup")
    status = status_of([buffer], [("group", assignment)], now=lambda: 3.0, clock=lambda: 104.0)
    first, second = status.partitions
    assert (first.owner_state, first.committed_offset, first.next_offset) == ("owned", 5, 7)
    assert (first.lag_messages, first.lag_seconds, first.lag_age_seconds) == (15, 2.0, 4.0)
    assert (first.buffered_rows, first.buffered_bytes, first.last_error) == (2, 4, "a view throws")
    assert (second.owner_state, second.is_paused, second.last_error) == ("claiming", True, "broken")
    (source,) = status.data_sources
    assert (source.buffered_rows, source.buffered_bytes, source.last_error) == (2, 4, "a view throws")
    assert source.broken_view == "rollup"
    assert json.loads(json.dumps(status.as_json()))["partitions"][0]["topic"] == "topic"


def test_a_lag_that_the_broker_has_not_confirmed_for_long_is_none() -> None:
    budget = MemoryBudget(10**9, 1)
    buffer = Buffer("events", LIMITS, budget, Clock())
    assignment = Assignment(context(), {"topic": [buffer]})
    assignment.add([Partition("topic", 0, "id", position=5, committed=5, high=20, high_at=100.0)])
    clock = Clock()
    for clock.now, lag in ((114.9, 15), (116.0, None)):
        (partition,) = status_of([buffer], [("group", assignment)], clock=clock).partitions
        assert (partition.lag_messages, partition.lag_seconds is None) == (lag, lag is None)
        assert partition.lag_age_seconds == round(clock.now - 100, 1)


def test_what_the_broker_refuses_is_the_partitions_error() -> None:
    budget = MemoryBudget(10**9, 1)
    buffer = Buffer("events", LIMITS, budget, Clock())
    assignment = Assignment(context(), {"topic": [buffer]})
    refusal = Refusal("Topic authorization failed", 29, 5)
    assignment.add([Partition("topic", 0, "id", position=5, committed=5, refusal=refusal)])
    (partition,) = status_of([buffer], [("group", assignment)]).partitions
    assert partition.last_error == "Topic authorization failed"
