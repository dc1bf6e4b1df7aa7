"""The assignment: what is read, what is paused, and how far each partition may be committed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.observing.consuming import MessagesConsumed, PartitionsPaused, PartitionsResumed
from ingest_worker.observing.observations import Observation
from ingest_worker.observing.partitions import RowsReleased
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer, InFlightBatch
from ingest_worker.storing.batch import Limits
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import Takeover
from tests.ingest_worker.fakes import LIMITS, Clock, context, recovered, run, seal_and_record

PLACE = PartitionId("topic", 0)


class Bench:
    """One partition of a topic that feeds these data sources."""

    def __init__(self, *names: str, budget: int = 10**9, limits: Limits = LIMITS, partitions: int = 1) -> None:
        self.seen: list[Observation] = []
        shared = MemoryBudget(budget, len(names))
        self.buffers = [Buffer(name, limits, shared, Clock()) for name in names]
        self.assignment = Assignment(context(self.seen.append), {"topic": self.buffers})
        self.partitions = [Partition("topic", number, "id", 5, None) for number in range(partitions)]
        self.assignment.add(self.partitions)

    def own(self) -> None:
        self.assignment.own(
            Takeover(tuple(self.partitions), recovered(*self.assignment.feed_partitions(self.partitions), position=5))
        )

    def read(self, count: int, first_offset: int = 5) -> bool:
        return self.assignment.take(run("topic", 0, *[b"v"] * count, first_offset=first_offset))

    def ship(self, buffer: Buffer) -> InFlightBatch:
        seal_and_record(buffer)
        in_flight = buffer.take()
        assert in_flight is not None
        return in_flight

    def positions(self) -> list[int]:
        return [commit.position for commit in self.assignment.to_commit()]


def test_messages_of_a_partition_that_is_not_owned_yet_are_read_again_later() -> None:
    bench = Bench("events")
    assert not bench.read(1)
    bench.own()
    assert bench.read(1)


def test_messages_of_a_partition_that_was_taken_away_are_dropped() -> None:
    bench = Bench("events")
    bench.assignment.remove([PLACE])
    assert bench.read(1)
    assert bench.seen == []


def test_ownership_of_an_earlier_assignment_opens_nothing() -> None:
    bench = Bench("events")
    earlier = bench.partitions[0]
    bench.assignment.remove([PLACE])
    bench.assignment.add([Partition("topic", 0, "id", 9, None)])
    bench.assignment.own(Takeover((earlier,), recovered(FeedPartition("events", *PLACE))))
    assert not bench.read(1)


def test_a_topic_feeds_each_of_its_data_sources() -> None:
    bench = Bench("first", "second")
    bench.own()
    bench.read(3)
    assert [buffer.loads()[PLACE].rows for buffer in bench.buffers] == [3, 3]
    assert [entry for entry in bench.seen if isinstance(entry, MessagesConsumed)] == [
        MessagesConsumed("first", "topic", 3, 3),
        MessagesConsumed("second", "topic", 3, 3),
    ]
    assert bench.assignment.feed_partitions(bench.partitions) == [("first", *PLACE), ("second", *PLACE)]


def test_the_slowest_data_source_decides_how_far_a_topic_is_committed() -> None:
    bench = Bench("first", "second")
    bench.own()
    assert bench.positions() == [5]
    bench.assignment.committed(bench.assignment.to_commit())
    bench.read(10)
    first, second = (bench.ship(buffer) for buffer in bench.buffers)
    bench.buffers[0].stored(first)
    bench.assignment.progressed(PLACE)
    assert bench.positions() == [5]  # no further, but with a new record
    bench.buffers[1].stored(second)
    bench.assignment.progressed(PLACE)
    assert bench.positions() == [15]


def test_what_could_not_be_committed_is_offered_again() -> None:
    bench = Bench("events")
    bench.own()
    assert bench.positions() == [5]
    assert bench.positions() == [5]
    bench.assignment.committed(bench.assignment.to_commit())
    assert bench.positions() == []


def test_a_fenced_partition_is_neither_read_nor_committed() -> None:
    bench = Bench("events")
    bench.own()
    bench.assignment.to_switch()
    bench.read(10)
    in_flight = bench.ship(bench.buffers[0])
    bench.buffers[0].fence(in_flight)
    assert bench.positions() == []
    pause, _ = bench.assignment.to_switch()
    assert pause == bench.partitions
    assert bench.partitions[0].state is OwnerState.FENCED
    bench.read(1, first_offset=15)
    assert RowsReleased("events", 1) in bench.seen


def test_partitions_are_resumed_once_owned_and_paused_while_memory_is_scarce() -> None:
    bench = Bench("events", budget=300)
    assert bench.assignment.to_switch() == ([], [])
    bench.own()
    assert bench.assignment.to_switch() == ([], bench.partitions)
    bench.read(20)
    assert bench.assignment.is_full
    assert bench.assignment.to_switch() == (bench.partitions, [])
    assert bench.assignment.to_switch() == ([], [])
    bench.assignment.drop_waiting([PLACE])
    assert bench.assignment.to_switch() == ([], bench.partitions)
    kinds = [type(entry) for entry in bench.seen]
    assert kinds.count(PartitionsPaused) == kinds.count(PartitionsResumed) == 1


def test_a_broken_partition_stays_paused() -> None:
    bench = Bench("events")
    bench.partitions[0].error = "offset out of range"
    bench.own()
    assert bench.assignment.to_switch() == ([], [])
    assert bench.positions() == []


def test_giving_partitions_up_says_what_was_read_for_nothing() -> None:
    bench = Bench("first", "second")
    bench.own()
    bench.read(4)
    assert not bench.assignment.is_idle
    bench.assignment.remove([PLACE])
    assert bench.seen[-2:] == [RowsReleased("first", 4), RowsReleased("second", 4)]
    assert bench.assignment.partitions == {}


@given(st.lists(st.sampled_from(["read", "ship first", "ship second", "store first", "store second"]), max_size=60))
def test_no_offset_is_committed_before_every_data_source_has_it(steps: list[str]) -> None:
    bench = Bench("first", "second")
    bench.own()
    sending: dict[int, InFlightBatch] = {}
    stored, read_to = [5, 5], 5
    for step in steps:
        which = int(step.endswith("second"))
        queue = bench.buffers[which].queue(PLACE)
        assert queue is not None
        if step == "read":
            bench.read(10, first_offset=read_to)
            read_to += 10
        elif step.startswith("ship") and queue.waiting and which not in sending:
            sending[which] = bench.ship(bench.buffers[which])
        elif step.startswith("store") and which in sending:
            in_flight = sending.pop(which)
            bench.buffers[which].stored(in_flight)
            bench.assignment.progressed(PLACE)
            stored[which] = in_flight.batch.last_offset + 1
        commits = bench.assignment.to_commit()
        bench.assignment.committed(commits)
        assert bench.partitions[0].committed == min(stored)
