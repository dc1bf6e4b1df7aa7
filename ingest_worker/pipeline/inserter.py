"""The loop that takes batches of one data source and sees each of them stored, however long that takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ingest_worker.context import Context
from ingest_worker.observing.inserts import (
    BatchStored,
    DataSourceRecovered,
    DataSourceStalled,
    InsertFailed,
    QuarantineUncounted,
)
from ingest_worker.observing.observations import report_failure
from ingest_worker.observing.partitions import PartitionFenced, RowsReleased
from ingest_worker.pipeline.buffer import Buffer, InFlightBatch, Stall
from ingest_worker.storing.batch import Batch
from ingest_worker.storing.delivery import ALARM_BACKOFF, TRANSIENT_BACKOFF, Decision, decide
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed, Unanswered
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.sink import Quarantined, Sink
from schemas.mapping.landing import fence_key
from service.backoff import Backoff

# What fails unexpectedly as often as that, with the same batch, is not mended by trying it once more.
MOST_UNEXPECTED = 3
# A view that still fails after that many times in a row (6 s) will not pass by itself.
MOST_PASSING = 5
# Between two looks whether a data source that is held may be inserted again.
HELD_SECONDS = 0.5


class Inserter:
    """One inserting thread's work. Several may share a buffer; each has a sink of its own."""

    def __init__(
        self,
        context: Context,
        buffer: Buffer,
        sink: Sink,
        on_progress: Callable[[PartitionId], None],
    ) -> None:
        self._buffer = buffer
        self._sink = sink
        self._observe = context.observe
        self._on_progress = on_progress
        self._now = context.now
        self._sleep = context.sleep

    def run(self) -> None:
        """Work until the buffer is closed, whatever fails. Blocks."""
        for failures in itertools.count(1):
            try:
                while self._deliver_next():
                    pass
                break
            except Exception as error:
                pause = ALARM_BACKOFF.delay(failures)
                report_failure("inserter", error, self._observe, pause)
                self._sleep(pause)
        self._sink.close()

    def _deliver_next(self) -> bool:
        # A function of its own, so that nothing holds the last batch's memory while the next one is waited for.
        in_flight = self._buffer.take()
        if in_flight is not None:
            self.see_through(in_flight)
        return in_flight is not None

    def see_through(self, in_flight: InFlightBatch) -> None:
        """Deliver one batch. What fails unexpectedly meanwhile is done again with the same batch and token; where that
        does not help either, the partition is taken over anew, as from a former owner."""
        for failures in itertools.count(1):
            try:
                self.deliver(in_flight)
                return
            except Exception as error:
                pause = ALARM_BACKOFF.delay(failures)
                report_failure("inserter", error, self._observe, pause)
                if in_flight.queue.sending is not in_flight.batch:
                    return  # it was stored or given up before that
                if failures >= MOST_UNEXPECTED:
                    self._begin_anew(in_flight)
                    return
                self._buffer.wait_while_owned(in_flight, pause)

    def deliver(self, in_flight: InFlightBatch) -> None:
        """Insert one batch, again and again, until it is stored or its partition is no longer this worker's."""
        origin = in_flight.batch.origin
        key = fence_key(origin.data_source, origin.topic_id, origin.partition)
        failures = 0
        while self._buffer.is_current(in_flight) and not self._buffer.is_closed:
            if self._buffer.held is not None:
                self._stall(in_flight, Stall(self._buffer.held))
                self._buffer.wait_while_owned(in_flight, HELD_SECONDS)
                continue
            outcome = self._sink.insert(in_flight.batch, key, in_flight.queue.owner)
            decision = decide(outcome)
            self._buffer.rescale(decision)
            if isinstance(outcome, Stored):
                self._settle(in_flight, outcome, failures + 1)
                return
            failures += 1
            pause = 0.0 if decision is Decision.FENCED else _backoff(decision).delay(failures)
            self._observe(_failure(in_flight.batch, outcome, decision, failures, pause))
            if decision is Decision.FENCED:
                self._fence(in_flight)
                return
            if _needs_somebody(outcome, decision, failures):
                self._stall(in_flight, Stall(_message(outcome), _view(outcome)))
            self._buffer.wait_while_owned(in_flight, pause)
        self._buffer.give_up(in_flight)
        self._observe(RowsReleased(origin.data_source, in_flight.batch.rows))

    def _settle(self, in_flight: InFlightBatch, outcome: Stored, attempts: int) -> None:
        batch, stored_at = in_flight.batch, self._now()
        if self._buffer.stored(in_flight):
            self._on_progress(batch.origin.partition_id)
        if self._buffer.stalls.pop(batch.origin.partition_id, None) is not None and self._buffer.stalled is None:
            self._observe(DataSourceRecovered(batch.origin.data_source))
        quarantined = self._sink.count_quarantined(batch)
        if quarantined is None:
            self._observe(QuarantineUncounted(batch.origin.data_source, batch.rows))
        self._observe(self._stored(batch, outcome, attempts, quarantined or Quarantined(0, {}), stored_at))

    @staticmethod
    def _stored(
        batch: Batch, outcome: Stored, attempts: int, quarantined: Quarantined, stored_at: float
    ) -> BatchStored:
        first = batch.timestamps[0]
        return BatchStored(
            data_source=batch.origin.data_source,
            topic=batch.origin.topic,
            partition=batch.origin.partition,
            first_offset=batch.first_offset,
            last_offset=batch.last_offset,
            rows=batch.rows,
            payload_bytes=batch.payload_bytes,
            quarantined=quarantined.rows,
            quarantined_by_column=quarantined.by_column,
            seconds=outcome.seconds,
            queryable_seconds=max(0.0, stored_at - first / 1000) if first > 0 else None,
            attempts=attempts,
            query_id=outcome.query_id,
        )

    def _fence(self, in_flight: InFlightBatch) -> None:
        origin = in_flight.batch.origin
        self._observe(PartitionFenced(origin.data_source, origin.topic, origin.partition))
        self._begin_anew(in_flight)

    def _begin_anew(self, in_flight: InFlightBatch) -> None:
        """Stop inserting for the partition; the reading thread takes it over again."""
        dropped = self._buffer.fence(in_flight)
        self._buffer.give_up(in_flight)
        self._observe(RowsReleased(in_flight.batch.origin.data_source, dropped + in_flight.batch.rows))

    def _stall(self, in_flight: InFlightBatch, stall: Stall) -> None:
        if self._buffer.stalled is None:
            self._observe(DataSourceStalled(self._buffer.data_source, stall.reason, stall.view))
        self._buffer.stalls[in_flight.batch.origin.partition_id] = stall


def _backoff(decision: Decision) -> Backoff:
    return ALARM_BACKOFF if decision is Decision.ALARM else TRANSIENT_BACKOFF


def _needs_somebody(outcome: Outcome, decision: Decision, failures: int) -> bool:
    """A deploy that is at it fails an insert once; what fails again needs somebody. What passes by itself, such as a
    lack of memory, does not pass where the same view goes on failing."""
    if decision is Decision.ALARM:
        return failures > 1
    return _view(outcome) is not None and failures > MOST_PASSING


def _view(outcome: Outcome) -> str | None:
    return outcome.missing_view or outcome.view if isinstance(outcome, Refused) else None


def _message(outcome: Outcome) -> str:
    match outcome:
        case Refused(message=message) | Unanswered(message=message):
            return message
        case Swallowed():
            return "ClickHouse took the batch and stored nothing of it: a view behind the landing table is missing"
    return ""


def _failure(batch: Batch, outcome: Outcome, decision: Decision, attempt: int, pause: float) -> InsertFailed:
    return InsertFailed(
        data_source=batch.origin.data_source,
        topic=batch.origin.topic,
        partition=batch.origin.partition,
        first_offset=batch.first_offset,
        last_offset=batch.last_offset,
        rows=batch.rows,
        code=outcome.code if isinstance(outcome, Refused) else None,
        decision=decision.value,
        attempt=attempt,
        retry_seconds=pause,
        error=_message(outcome),
        view=_view(outcome),
    )
