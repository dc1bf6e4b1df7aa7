"""Delivery: the same batch again until it is stored, or until the partition is somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from ingest_worker.observing.inserts import (
    BatchStored,
    DataSourceRecovered,
    DataSourceStalled,
    InsertFailed,
    QuarantineUncounted,
)
from ingest_worker.observing.observations import Observation, UnexpectedFailure
from ingest_worker.observing.partitions import PartitionFenced, RowsReleased
from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.buffer import Buffer, InFlightBatch, Stall
from ingest_worker.pipeline.inserter import MOST_PASSING, MOST_UNEXPECTED, Inserter
from ingest_worker.storing.batch import Batch
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Unanswered
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import ResumePoint
from ingest_worker.storing.sink import Quarantined, Sink
from tests.ingest_worker.fakes import LIMITS, ORIGIN, Clock, context, run, seal_and_record

STORED = Stored(0.25, "query")
NONE_QUARANTINED = Quarantined(0, {})


class FakeSink:
    def __init__(self, *outcomes: Outcome | Callable[[], Outcome], quarantined: Quarantined | None) -> None:
        self.outcomes = list(outcomes)
        self.quarantined = quarantined
        self.sent: list[tuple[str, str, int]] = []
        self.is_closed = False

    def insert(self, batch: Batch, fence_key: str, owner: int) -> Outcome:
        self.sent.append((batch.token, fence_key, owner))
        outcome = self.outcomes.pop(0)
        return outcome() if callable(outcome) else outcome

    def count_quarantined(self, batch: Batch) -> Quarantined | None:
        return self.quarantined

    def close(self) -> None:
        self.is_closed = True


class PatientBuffer(Buffer):
    """Writes down how long it was asked to wait, and does not."""

    waits: list[float]

    def wait_while_owned(self, in_flight: InFlightBatch, seconds: float) -> None:
        self.waits.append(seconds)


class Bench:
    def __init__(
        self, *outcomes: Outcome | Callable[[], Outcome], quarantined: Quarantined | None = NONE_QUARANTINED
    ) -> None:
        self.buffer = PatientBuffer("events", LIMITS, MemoryBudget(10**9, 1), Clock())
        self.buffer.waits = []
        self.buffer.open(ORIGIN, owner=7, start=ResumePoint(0))
        self.buffer.add(run("topic", 0, *[b"v"] * 25))
        self.seen: list[Observation] = []
        self.progress: list[PartitionId] = []
        self.sink = FakeSink(*outcomes, quarantined=quarantined)
        self.inserter = Inserter(
            context(self.seen.append, now=lambda: 3.5),
            self.buffer,
            cast("Sink", self.sink),
            self.progress.append,
        )

    def deliver(self) -> InFlightBatch:
        seal_and_record(self.buffer)
        in_flight = self.buffer.take()
        assert in_flight is not None
        self.inserter.deliver(in_flight)
        return in_flight

    def see_through(self) -> InFlightBatch:
        seal_and_record(self.buffer)
        in_flight = self.buffer.take()
        assert in_flight is not None
        self.inserter.see_through(in_flight)
        return in_flight

    def of(self, kind: type) -> list[Observation]:
        return [entry for entry in self.seen if isinstance(entry, kind)]


def test_a_stored_batch_is_progress_and_one_observation() -> None:
    bench = Bench(STORED, quarantined=Quarantined(3, {"a": 3}))
    bench.deliver()
    assert bench.progress == [("topic", 0)]
    assert bench.sink.sent == [("events/topic-id/0/0-9/10", "events/topic-id/0", 7)]
    (stored,) = bench.seen
    assert isinstance(stored, BatchStored)
    assert (stored.rows, stored.quarantined, stored.attempts, stored.queryable_seconds) == (10, 3, 1, 2.5)


def test_an_unknown_outcome_sends_the_same_batch_again_under_its_token() -> None:
    bench = Bench(Unanswered("reset"), Unanswered("reset"), STORED)
    bench.deliver()
    assert len(bench.sink.sent) == 3
    assert len(set(bench.sink.sent)) == 1
    failures = bench.of(InsertFailed)
    assert [getattr(entry, "attempt", 0) for entry in failures] == [1, 2]
    assert bench.buffer.waits[1] > 0
    assert not bench.of(DataSourceStalled)


def test_a_cause_that_somebody_must_mend_is_an_alarm_that_ends_by_itself() -> None:
    bench = Bench(*[Refused(395, "THROW", "seven")] * 3, STORED)
    bench.deliver()
    assert len(bench.of(DataSourceStalled)) == 1
    assert len(bench.of(DataSourceRecovered)) == 1
    assert bench.buffer.stalled is None


def test_what_passes_by_itself_is_an_alarm_where_a_view_goes_on_failing_by_it() -> None:
    memory = Refused(241, "MEMORY_LIMIT_EXCEEDED", "view `rollup` fails: memory", view="rollup")
    bench = Bench(*[memory] * MOST_PASSING, STORED)
    bench.deliver()
    assert not bench.of(DataSourceStalled)
    bench = Bench(*[memory] * (MOST_PASSING + 1), STORED)
    bench.deliver()
    assert bench.of(DataSourceStalled) == [DataSourceStalled("events", "view `rollup` fails: memory", "rollup")]
    assert [getattr(entry, "view", None) for entry in bench.of(InsertFailed)] == ["rollup"] * (MOST_PASSING + 1)


def test_a_view_of_the_mapping_that_is_missing_is_an_alarm_that_names_it() -> None:
    bench = Bench(*[Refused(60, "UNKNOWN_TABLE", "missing", missing_view="events_store")] * 2, STORED)
    bench.deliver()
    assert bench.of(DataSourceStalled) == [DataSourceStalled("events", "missing", "events_store")]


def test_what_one_partition_stores_does_not_end_the_alarm_of_another() -> None:
    bench = Bench(STORED)
    bench.buffer.stalls[PartitionId("topic", 1)] = Stall("a view throws", "rollup")
    bench.deliver()
    assert bench.buffer.stalled == Stall("a view throws", "rollup")
    assert not bench.of(DataSourceRecovered)


def test_what_nobody_expected_is_counted_and_the_same_batch_is_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    def surprise() -> Outcome:
        raise KeyError("nobody thought of it")

    bench = Bench(surprise, STORED)
    in_flight = bench.see_through()
    assert len(set(bench.sink.sent)) == 1
    assert [type(entry) for entry in bench.seen] == [UnexpectedFailure, BatchStored]
    assert "nobody thought of it" in caplog.text
    assert "Traceback" in caplog.text
    assert not in_flight.queue.is_fenced


def test_what_fails_unexpectedly_again_and_again_is_taken_over_anew() -> None:
    def surprise() -> Outcome:
        raise KeyError

    bench = Bench(*[surprise] * 9)
    in_flight = bench.see_through()
    assert len(bench.sink.sent) == MOST_UNEXPECTED
    assert in_flight.queue.is_fenced  # which the reading thread begins anew with
    assert bench.of(RowsReleased) == [RowsReleased("events", 25)]
    assert bench.buffer.memory_bytes == 0


def test_what_fails_after_a_batch_was_stored_does_not_send_it_again() -> None:
    bench = Bench(STORED)

    def surprise(batch: Batch) -> Quarantined:
        raise KeyError

    bench.sink.count_quarantined = surprise  # type: ignore[method-assign]  # a stand-in that fails
    bench.see_through()
    assert len(bench.sink.sent) == 1
    assert bench.progress == [("topic", 0)]


def test_the_thread_goes_on_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(STORED)
    calls: list[str] = []

    def take() -> InFlightBatch | None:
        calls.append("take")
        if len(calls) == 1:
            raise RuntimeError("nobody thought of it")
        return None

    monkeypatch.setattr(bench.buffer, "take", take)
    bench.inserter.run()
    assert len(calls) == 2
    assert bench.sink.is_closed


def test_one_failure_during_a_deploy_is_no_alarm() -> None:
    bench = Bench(Refused(60, "UNKNOWN_TABLE", "no table"), STORED)
    bench.deliver()
    assert not bench.of(DataSourceStalled)


def test_a_fence_ends_the_queue_without_progress() -> None:
    bench = Bench(Refused(469, "VIOLATED_CONSTRAINT", "fence", "ingest_fence"))
    in_flight = bench.deliver()
    assert not bench.buffer.is_current(in_flight)
    assert bench.progress == []
    assert bench.of(PartitionFenced) == [PartitionFenced("events", "topic", 0)]
    assert bench.of(RowsReleased) == [RowsReleased("events", 25)]
    assert bench.buffer.memory_bytes == 0


def test_a_queue_that_is_given_up_ends_the_retries() -> None:
    bench = Bench(lambda: (bench.buffer.close_queues([PartitionId("topic", 0)]), Unanswered("reset"))[1])
    bench.deliver()
    assert len(bench.sink.sent) == 1
    assert bench.progress == []
    assert bench.of(RowsReleased) == [RowsReleased("events", 10)]


def test_a_batch_stored_after_its_queue_was_given_up_is_counted_and_not_committed() -> None:
    bench = Bench(lambda: (bench.buffer.close_queues([PartitionId("topic", 0)]), STORED)[1])
    bench.deliver()
    assert bench.progress == []
    assert len(bench.of(BatchStored)) == 1


def test_an_unknown_count_is_said() -> None:
    bench = Bench(STORED, quarantined=None)
    bench.deliver()
    assert bench.of(QuarantineUncounted) == [QuarantineUncounted("events", 10)]


@pytest.mark.parametrize(("code", "factor"), [(241, 0.5), (252, 2.0)])
def test_later_batches_change_their_size(code: int, factor: float) -> None:
    seen: list[float] = []

    def store() -> Outcome:
        seen.append(bench.buffer.scale.factor)
        return STORED

    bench = Bench(Refused(code, "", ""), store)
    bench.deliver()
    assert seen == [factor]


def test_the_loop_ends_with_the_buffer_and_closes_its_sink() -> None:
    def close_and_store() -> Outcome:
        bench.buffer.close()
        return STORED

    bench = Bench(STORED, close_and_store)
    for _ in range(2):
        seal_and_record(bench.buffer)
    bench.inserter.run()
    assert bench.sink.is_closed
    assert len(bench.progress) == 2
