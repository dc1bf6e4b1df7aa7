"""The buffer: when batches are due, who gets them, and what is left when a partition goes."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer, InFlightBatch
from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.batch import Limits, Origin, memory_bytes
from ingest_worker.storing.delivery import Decision
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import ResumePoint
from tests.ingest_worker.fakes import LIMITS, ORIGIN, Clock, run, seal_and_record

PLACE = PartitionId("topic", 0)


def buffer(clock: Clock, limits: Limits = LIMITS, budget: int = 10_000_000, partitions: int = 1) -> Buffer:
    made = Buffer("events", limits, MemoryBudget(budget, 1), clock)
    for number in range(partitions):
        made.open(replace(ORIGIN, partition=number), owner=7, start=ResumePoint(0))
    return made


def taken(made: Buffer) -> InFlightBatch | None:
    """What an inserter gets at this moment."""
    seal_and_record(made)
    result: list[InFlightBatch | None] = []
    inserter = threading.Thread(target=lambda: result.append(made.take()))
    inserter.start()
    inserter.join(0.05)
    if inserter.is_alive():
        made.close()
        inserter.join()
        made.is_closed = False
    return result[0]


def test_a_full_batch_is_due_at_once() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 10))
    in_flight = taken(made)
    assert in_flight is not None
    assert (in_flight.batch.rows, in_flight.queue.owner) == (10, 7)


def test_a_message_that_comes_alone_is_due_at_once_and_the_next_one_after_a_while() -> None:
    clock = Clock()
    made = buffer(clock)
    made.add(run("topic", 0, b"v"))
    first = taken(made)
    assert first is not None
    assert first.batch.rows == 1
    assert made.stored(first)
    made.add(run("topic", 0, b"v", first_offset=1))
    assert taken(made) is None
    made.add(run("topic", 0, b"v", first_offset=2))
    clock.now += LIMITS.seconds
    second = taken(made)
    assert second is not None
    assert second.batch.rows == 2


def test_the_rhythm_of_batches_is_not_that_of_the_looks_at_them() -> None:
    clock = Clock()
    made = buffer(clock)
    offsets = range(24)
    cut = []
    for offset in offsets:
        made.add(run("topic", 0, b"v", first_offset=offset))
        if (in_flight := taken(made)) is not None:
            cut.append(clock.now)
            made.stored(in_flight)
        clock.now += LIMITS.seconds * 0.4
    assert len(cut) == 10  # in 9.6 s; it would be 8 if each waited for the first look after a second
    assert min(later - earlier for earlier, later in itertools.pairwise(cut)) > LIMITS.seconds / 2


def test_partitions_take_turns_the_one_that_waits_longest_first() -> None:
    clock = Clock()
    made = buffer(clock, partitions=3)
    order = []
    for number in (1, 0, 2):
        made.add(run("topic", number, b"v"))
        clock.now += LIMITS.seconds / 10
    for _ in range(3):
        in_flight = taken(made)
        assert in_flight is not None
        order.append(in_flight.batch.origin.partition)
        made.stored(in_flight)
        assert taken(made) is None
        clock.now += LIMITS.seconds
    assert order == [1, 0, 2]


def test_a_partition_with_full_batches_keeps_no_other_waiting() -> None:
    clock = Clock()
    made = buffer(clock, partitions=2)
    offset = 0
    seen = set()
    for _ in range(4):
        made.add(run("topic", 0, *[b"v"] * 10, first_offset=offset))
        made.add(run("topic", 1, b"v", first_offset=offset))
        offset += 10
        clock.now += LIMITS.seconds / 2
        while (in_flight := taken(made)) is not None:
            seen.add(in_flight.batch.origin.partition)
            made.stored(in_flight)
    assert seen == {0, 1}


def test_scarce_memory_makes_the_largest_due() -> None:
    made = buffer(Clock(), budget=3 * memory_bytes(5, 5), partitions=2)
    made.add(run("topic", 0, b"v"))
    made.add(run("topic", 1, *[b"v"] * 6))
    in_flight = taken(made)
    assert in_flight is not None
    assert in_flight.batch.origin.partition == 1


def test_one_batch_of_a_partition_is_sent_at_a_time() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 30))
    first = taken(made)
    assert first is not None
    assert taken(made) is None
    assert made.stored(first)
    second = taken(made)
    assert second is not None
    assert (second.batch.first_offset, second.batch.last_offset) == (10, 19)


def test_a_flush_makes_everything_due() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, b"v"))
    made.flush()
    assert taken(made) is not None


def test_a_fenced_queue_takes_and_gives_nothing_more() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 25))
    in_flight = taken(made)
    assert in_flight is not None
    assert made.fence(in_flight) == 15
    made.give_up(in_flight)
    assert not made.is_current(in_flight)
    assert not made.add(run("topic", 0, b"v", first_offset=25))
    assert taken(made) is None
    assert made.memory_bytes == 0


def test_a_batch_of_a_closed_queue_moves_nothing_when_it_is_stored_late() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 12))
    in_flight = taken(made)
    assert in_flight is not None
    assert made.close_queues([PLACE]) == 2
    made.open(ORIGIN, owner=8, start=ResumePoint(0))
    assert not made.is_current(in_flight)
    assert not made.stored(in_flight)
    reopened = made.queue(PLACE)
    assert reopened is not None
    assert reopened.mark.position == 0
    assert made.memory_bytes == 0


def test_waiting_for_a_batch_ends_when_the_queue_is_given_up() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 10))
    in_flight = taken(made)
    assert in_flight is not None
    waiter = threading.Thread(target=made.wait_while_owned, args=(in_flight, 3600))
    waiter.start()
    made.close_queues([PLACE])
    waiter.join(10)
    assert not waiter.is_alive()


def test_drain_waits_for_what_is_sent_and_drop_forgets_the_rest() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"v"] * 12))
    in_flight = taken(made)
    assert in_flight is not None
    assert made.drop_waiting([PLACE]) == 2
    assert not made.wait_until_idle([PLACE], seconds=0)
    made.stored(in_flight)
    assert made.wait_until_idle([PLACE], seconds=0)


def test_a_lack_of_memory_in_clickhouse_makes_later_batches_smaller() -> None:
    made = buffer(Clock())
    made.rescale(Decision.RETRY_SMALLER)
    made.add(run("topic", 0, *[b"v"] * 10))
    in_flight = taken(made)
    assert in_flight is not None
    assert in_flight.batch.rows == 5


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 25)), max_size=15), st.integers(0, 2**32))
def test_every_message_is_shipped_once_in_order_and_positions_follow(
    arrivals: list[tuple[int, int]], seed: int
) -> None:
    chance, clock = random.Random(seed), Clock()
    made = buffer(clock, partitions=3)
    added, shipped = [0, 0, 0], [0, 0, 0]
    sending: list[InFlightBatch] = []
    for partition, count in arrivals:
        made.add(run("topic", partition, *[b"v"] * count, first_offset=added[partition]))
        added[partition] += count
        while chance.random() < 0.5 and any(_queue(made, p).rows > 10 for p in range(3)):
            if sending and chance.random() < 0.6:
                made.stored(sending.pop(chance.randrange(len(sending))))
            seal_and_record(made)
            if any(_has_due(made, p) for p in range(3)):
                in_flight = made.take()
                assert in_flight is not None
                number = in_flight.batch.origin.partition
                assert in_flight.batch.first_offset == shipped[number]
                shipped[number] = in_flight.batch.last_offset + 1
                sending.append(in_flight)
        for number in range(3):
            first_offsets = [s.batch.first_offset for s in sending if s.batch.origin.partition == number]
            assert _queue(made, number).mark.position == (first_offsets[0] if first_offsets else shipped[number])
    for in_flight in sending:
        made.stored(in_flight)
    made.flush()
    for _ in range(sum(added)):
        if all(_queue(made, p).rows == 0 for p in range(3)):
            break
        seal_and_record(made)
        last = made.take()
        assert last is not None
        made.stored(last)
    assert [_queue(made, p).mark.position for p in range(3)] == added
    assert made.memory_bytes == 0


def _has_due(made: Buffer, partition: int) -> bool:
    return _queue(made, partition).next_to_send is not None


def _queue(made: Buffer, partition: int) -> PartitionQueue:
    queue = made.queue(PartitionId("topic", partition))
    assert queue is not None
    return queue


def test_the_load_says_what_is_held() -> None:
    made = buffer(Clock())
    made.add(run("topic", 0, *[b"vv"] * 12))
    taken(made)
    load = made.loads()[PLACE]
    assert (load.rows, load.payload_bytes, load.is_inserting, load.oldest_timestamp) == (12, 24, True, 1_000)


def test_queues_of_other_topics_are_apart() -> None:
    made = buffer(Clock())
    made.open(Origin("events", "other", "id", 0), owner=1, start=ResumePoint(5))
    made.add(run("other", 0, b"v", first_offset=9))
    assert made.loads()[PLACE].rows == 0
    assert made.loads()[PartitionId("other", 0)].rows == 1
