"""The reading loop, on a consumer that does what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_worker.errors import OwnershipLostError, SourceError, TopicReplacedError
from ingest_worker.observing.consuming import CommitFailed, KafkaTroubled, OffsetsCommitted, SourceTimed
from ingest_worker.observing.observations import Observation
from ingest_worker.observing.partitions import PartitionBroken, PartitionsLost, PartitionsRevoked
from ingest_worker.observing.topics import TopicGone
from ingest_worker.pipeline import source
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.source import STALE, UNSETTLED, Source
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import Takeover
from ingest_worker.watching.topic_watch import TopicWatch
from service.deadline import Deadline
from service.kafka.topics import TopicFacts
from tests.ingest_worker.fakes import LIMITS, Clock, FakeConsumer, kafka_error, message, recovered, seal_and_record

PLACE = ("topic", 0)


class FakeWatch:
    """Answers at once that a topic is what it was, unless `changed` says otherwise; `will_be` comes true by a look."""

    def __init__(self, confirm: Callable[[str], None]) -> None:
        self.changed: dict[str, TopicFacts | None] = {}
        self.will_be: dict[str, TopicFacts | None] = {}
        self._confirm = confirm

    def wake(self, topics: Collection[str]) -> None:
        for topic in topics:
            if topic not in self.changed:
                self._confirm(topic)

    def look(self, topics: Collection[str]) -> bool:
        self.changed = self.will_be
        self.wake(topics)
        return True


class Bench:
    """A source whose consumer makes these calls, then is told to stop."""

    def __init__(self, *calls: Any, claims: bool = True, budget: int = 10**9, **consumer: Any) -> None:
        self.clock = Clock()
        self.seen: list[Observation] = []
        shared = MemoryBudget(budget, 1)
        self.buffer = Buffer("events", LIMITS, shared, self.clock)
        self.assignment = Assignment({"topic": [self.buffer]}, shared, self.seen.append, self.clock)
        self.consumer = FakeConsumer(*calls, **consumer)
        self.stop = threading.Event()
        self.consumer.on_empty = self.stop.set
        self.claims = claims
        self.asked: list[Partition] = []
        self.watch = FakeWatch(lambda topic: self.assignment.confirmed(topic, "id", self.clock()))
        self.source = Source(
            group="group",
            topics={"topic": TopicFacts("id", 1)},
            watch=cast("TopicWatch", self.watch),
            resets={"topic": "earliest"},
            config={},
            assignment=self.assignment,
            claim=self._claim,
            observe=self.seen.append,
            drain_seconds=0,
            create_consumer=lambda config: self.consumer,  # type: ignore[arg-type,return-value]  # a stand-in
            clock=self.clock,
        )

    def _claim(self, partitions: Any) -> None:
        self.asked += partitions
        if self.claims:
            lots = self.assignment.lots(partitions)
            self.source.taken(Takeover(tuple(partitions), recovered(*lots, position=partitions[0].position)))

    def run(self) -> bool:
        return self.source.run(self.stop, lambda: Deadline.after(0, self.clock))

    def assign(self) -> None:
        self.consumer.assign_now(PLACE)

    def store_all(self) -> None:
        """What the inserters do."""
        self.buffer.flush()
        while self.buffer.loads()[PLACE].rows:
            seal_and_record(self.buffer)
            shipment = self.buffer.take()
            assert shipment is not None
            self.buffer.stored(shipment)
            self.assignment.progressed(*PLACE)

    def of(self, kind: type) -> list[Any]:
        return [entry for entry in self.seen if isinstance(entry, kind)]


def messages(count: int, first: int = 0) -> list[message]:
    return [message("topic", 0, first + index, b"v") for index in range(count)]


def do(*steps: Callable[[], Any]) -> Callable[[], None]:
    def call() -> None:
        for step in steps:
            step()

    return call


def test_reads_commits_what_is_stored_and_leaves() -> None:
    bench = Bench(committed={PLACE: 4})
    bench.consumer.calls = [bench.assign, lambda: messages(10, first=4), bench.store_all]
    assert bench.run()
    assert bench.consumer.assigned == {}
    assert bench.consumer.commits == [{PLACE: 14}]
    assert bench.of(OffsetsCommitted)[-1] == OffsetsCommitted("group", {"topic/0": 14})
    assert bench.consumer.is_closed


def test_a_group_without_offsets_writes_its_start_down() -> None:
    bench = Bench()
    bench.consumer.marks[PLACE] = (3, 9)
    bench.consumer.calls = [bench.assign, None]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 3}]


def test_nothing_is_read_before_it_is_owned() -> None:
    bench = Bench(claims=False)
    seen: list[Any] = []
    bench.consumer.calls = [
        bench.assign,
        lambda: messages(2, first=6),
        do(lambda: seen.append((set(bench.consumer.paused), list(bench.consumer.sought), bench.buffer.loads()))),
    ]
    bench.run()
    assert seen == [({PLACE}, [("topic", 0, 6)], {})]
    assert bench.consumer.commits == [{PLACE: 0}]  # where the group begins, and nothing of what was read


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
    assert bench.buffer.lane(PLACE) is None


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


@pytest.mark.parametrize("code", sorted(STALE))
def test_a_commit_refused_as_stale_means_that_the_partitions_are_lost(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.calls = [bench.assign, lambda: messages(10), bench.store_all, None]
    bench.consumer.refuse_commit = KafkaException(kafka_error(code))
    with pytest.raises(OwnershipLostError):
        bench.run()
    assert bench.buffer.lane(PLACE) is None
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


@pytest.mark.parametrize("code", [KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE])
def test_an_offset_that_the_broker_does_not_hold_stops_that_partition(code: int) -> None:
    bench = Bench(committed={PLACE: 0})
    states: list[Any] = []
    bench.consumer.calls = [
        bench.assign,
        lambda: [message("topic", 0, 0, b"out of range", failure=kafka_error(code))],
        do(lambda: states.append(set(bench.consumer.paused))),
    ]
    bench.run()
    (broken,) = bench.of(PartitionBroken)
    assert "kafka-consumer-groups" in broken.hint
    assert states == [{PLACE}]
    assert bench.consumer.commits == []


def test_other_errors_are_said_and_the_end_of_a_partition_is_none() -> None:
    bench = Bench(
        [
            message("topic", 0, 0, None, failure=kafka_error(KafkaError._PARTITION_EOF)),
            message(None, None, 0, None, failure=kafka_error(KafkaError._TRANSPORT)),
        ]
    )
    bench.run()
    assert len(bench.of(KafkaTroubled)) == 1


def test_a_fatal_error_needs_a_new_consumer() -> None:
    failure = kafka_error(KafkaError._FATAL, fatal=True)
    bench = Bench([message(None, None, 0, None, failure=failure)])
    with pytest.raises(SourceError):
        bench.run()
    assert bench.consumer.is_closed


def test_a_failure_while_partitions_are_assigned_needs_a_new_consumer() -> None:
    bench = Bench()
    failure = KafkaException(kafka_error(KafkaError._TIMED_OUT))
    # A stand-in that raises.
    bench.consumer.committed = lambda *_, **__: (_ for _ in ()).throw(failure)  # type: ignore[method-assign]
    bench.consumer.calls = [bench.assign]
    with pytest.raises(SourceError, match="changed hands"):
        bench.run()
    assert bench.consumer.is_closed


def test_a_partition_that_is_fenced_is_begun_anew_after_a_while() -> None:
    bench = Bench(committed={PLACE: 0})
    states: list[Any] = []

    def fence() -> None:
        bench.buffer.flush()
        seal_and_record(bench.buffer)
        shipment = bench.buffer.take()
        assert shipment is not None
        bench.buffer.fence(shipment)
        bench.buffer.give_up(shipment)

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


def test_a_consumer_that_fails_commits_nothing_when_it_is_closed() -> None:
    bench = Bench(committed={PLACE: 0})
    failure = KafkaException(kafka_error(KafkaError._FAIL))
    bench.consumer.calls = [bench.assign, lambda: messages(10), lambda: do(bench.store_all)() or failure]
    with pytest.raises(KafkaException):
        bench.run()
    assert bench.consumer.commits == []
    assert bench.assignment.partitions == {}


def test_a_full_buffer_is_waited_for_before_anything_is_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(committed={PLACE: 0}, budget=300)
    states: list[Any] = []

    def pass_time(_: float) -> None:
        states.append(set(bench.consumer.paused))
        bench.clock.now += 2

    monkeypatch.setattr(source.time, "sleep", pass_time)
    bench.consumer.calls = [bench.assign, lambda: messages(20), do(lambda: states.append(set(bench.consumer.paused)))]
    bench.run()
    assert states == [set(), {PLACE}]
    assert {entry.step for entry in bench.of(SourceTimed)} >= {"hold", "consume"}


@pytest.mark.parametrize("refusal", [None, KafkaException(kafka_error(KafkaError._TIMED_OUT))])
def test_the_broker_of_a_resumed_partition_is_asked_something_which_may_fail(refusal: KafkaException | None) -> None:
    bench = Bench(committed={PLACE: 0})
    bench.consumer.refuse_marks = refusal
    bench.consumer.calls = [bench.assign, lambda: messages(3)]
    bench.run()
    assert bench.consumer.marks_asked == [PLACE]


def test_the_broker_offsets_are_measured() -> None:
    bench = Bench(committed={PLACE: 0})
    highs: list[int | None] = []
    bench.consumer.marks[PLACE] = (0, 42)
    bench.consumer.calls = [bench.assign, do(lambda: bench.clock.__setattr__("now", 200.0)), None]
    bench.consumer.on_empty = do(
        lambda: highs.extend(entry.high for entry in bench.assignment.partitions.values()), bench.stop.set
    )
    bench.run()
    assert highs[-1] == 42


def test_where_a_group_begins_is_written_down_before_clickhouse_is_asked() -> None:
    bench = Bench(claims=False)
    bench.consumer.marks[PLACE] = (3, 9)
    bench.consumer.calls = [bench.assign, None]
    bench.run()
    assert bench.consumer.commits == [{PLACE: 3}]
    assert bench.consumer.metadata[PLACE] == '{"v":1,"topic":"id","lanes":{},"partitions":1}'


def test_another_topic_of_that_name_needs_a_new_consumer() -> None:
    bench = Bench(committed={PLACE: 0})

    def replace() -> None:
        bench.watch.changed = {"topic": TopicFacts("other", 1)}

    bench.consumer.calls = [bench.assign, lambda: messages(10), replace, lambda: messages(10, first=10), None]
    with pytest.raises(TopicReplacedError):
        bench.run()
    assert bench.buffer.lane(PLACE) is None
    assert bench.buffer.memory_bytes == 0


def test_a_topic_that_is_gone_is_said_once_not_read_and_read_on_when_it_was_only_not_seen() -> None:
    bench = Bench(committed={PLACE: 0})
    paused: list[set[Any]] = []

    def note() -> None:
        paused.append(set(bench.consumer.paused))

    def lose() -> None:
        bench.watch.changed = {"topic": None}

    def find() -> None:
        note()
        bench.watch.changed = {}

    bench.consumer.calls = [bench.assign, lambda: messages(10), lose, note, find, note]
    bench.run()
    assert paused == [{PLACE}, {PLACE}, set()]
    assert bench.of(TopicGone) == [TopicGone("group", "topic")]


def test_an_offset_that_is_out_of_range_in_a_topic_that_was_made_again_is_not_the_fault_of_the_offset() -> None:
    bench = Bench(committed={PLACE: 50})
    failure = kafka_error(KafkaError._AUTO_OFFSET_RESET)
    bench.watch.will_be = {"topic": TopicFacts("other", 1)}
    bench.consumer.calls = [bench.assign, [message("topic", 0, 0, None, failure=failure)]]
    with pytest.raises(TopicReplacedError):
        bench.run()
    assert bench.of(PartitionBroken) == []


def test_what_fails_unexpectedly_while_partitions_are_assigned_needs_a_new_consumer() -> None:
    bench = Bench()
    bench.consumer.committed = lambda *_, **__: [][0]  # type: ignore[method-assign,assignment]  # a stand-in that fails
    bench.consumer.calls = [bench.assign]
    with pytest.raises(SourceError, match="IndexError"):
        bench.run()
    assert bench.consumer.is_closed


def test_a_partition_of_a_topic_made_again_while_no_worker_ran_is_read_from_its_beginning() -> None:
    bench = Bench(claims=False)
    bench.source._resets = {"topic": "latest"}
    bench.consumer.marks[PLACE] = (3, 9)

    def take() -> None:
        (partition,) = bench.asked
        taken = recovered(*bench.assignment.lots([partition]), position=3)
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
