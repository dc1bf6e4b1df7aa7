"""A queue cuts what it reads into batches: recorded ones as they were, nothing that is stored, everything else once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.batch import Batch, Limits
from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Cut, FeedProgress, Record, ResumePoint, parse_record
from tests.ingest_worker.fakes import ORIGIN

LIMITS = Limits(rows=4, payload_bytes=1_000, seconds=1.0)


def run(offsets: list[int]) -> Run:
    values = [f"m{offset}".encode() for offset in offsets]
    return Run("topic", 0, values, offsets, [1_000] * len(offsets), payload_bytes=sum(map(len, values)))


def queue(start: ResumePoint) -> PartitionQueue:
    made = PartitionQueue.starting(ORIGIN, 7, start)
    made.confirmed_at = 0.0
    return made


def record_and_send(made: PartitionQueue) -> list[Batch]:
    """What the reading thread and an inserter do until nothing is left: record, send, store, one after the other."""
    sent: list[Batch] = []
    while True:
        while made.may_seal:
            made.seal(0.0)
        made.confirmed_at = 0.0
        made.on_record = frozenset(made.cuts)
        assert parse_record(Record("id", {"events": made.record}).encode(0), 0) is not None
        if made.next_to_send is None:
            return sent
        batch = made.send()
        sent.append(batch)
        made.stored(batch)


def offsets_of(batches: list[Batch]) -> list[int]:
    return [offset for batch in batches for offset in batch.offsets]


@st.composite
def starts(draw: st.DrawFn) -> tuple[list[int], ResumePoint]:
    """Offsets that the broker holds, and where a takeover may find a queue among them."""
    held = sorted(draw(st.sets(st.integers(0, 40), min_size=1)))
    position = draw(st.sampled_from(held))
    cuts, left = [], [offset for offset in held if offset >= position]
    for _ in range(draw(st.integers(0, 2))):
        skipped, size = draw(st.integers(0, 2)), draw(st.integers(1, 5))
        part, left = left[skipped : skipped + size], left[skipped + size :]
        if part:
            cuts.append(Cut(part[0], part[-1], len(part)))
    present = draw(st.sets(st.sampled_from(held)))
    ranges = OffsetRanges.of((offset, offset) for offset in present if offset >= position)
    return held, ResumePoint(position, tuple(cuts), ranges)


@given(starts(), st.lists(st.integers(1, 7), min_size=1))
def test_each_message_is_sent_once_or_was_stored(found: tuple[list[int], ResumePoint], sizes: list[int]) -> None:
    """However the messages come in: recorded batches come out as they were cut, the rest without what is stored."""
    held, start = found
    made, sent, present, left, turn = queue(start), [], 0, list(held), 0
    while left:
        size = sizes[turn % len(sizes)]
        part, left, turn = left[:size], left[size:], turn + 1
        present += made.add(run(part), LIMITS, now=0.0)
        sent += record_and_send(made)
    in_cuts = {offset for cut in start.cuts for offset in held if cut.first <= offset <= cut.last}
    stored = {offset for offset in held if offset < start.position or start.present.last_of(offset) is not None}
    assert offsets_of(sent) == sorted(in_cuts | (set(held) - stored))
    assert [(batch.first_offset, batch.last_offset, batch.rows) for batch in sent if batch.offsets[0] in in_cuts] == [
        (cut.first, cut.last, cut.rows) for cut in start.cuts
    ]
    assert present == len(stored - in_cuts)
    assert made.mark.position == max(start.position, held[-1] + 1)
    assert not made.cuts
    assert made.rows == 0


@given(starts())
def test_no_batch_spans_offsets_that_were_left_out(found: tuple[list[int], ResumePoint]) -> None:
    held, start = found
    made = queue(start)
    made.add(run(held), LIMITS, now=0.0)
    recorded = {(cut.first, cut.last) for cut in start.cuts}
    for batch in record_and_send(made):
        if (batch.first_offset, batch.last_offset) not in recorded:
            between = [offset for offset in held if batch.first_offset <= offset <= batch.last_offset]
            assert list(batch.offsets) == between


def test_nothing_is_sent_before_it_is_on_record() -> None:
    made = queue(ResumePoint(0))
    made.add(run([0, 1, 2, 3]), LIMITS, now=0.0)
    made.seal(0.0)
    assert made.next_to_send is None
    assert made.record == FeedProgress(0, (Cut(0, 3, 4),))
    made.on_record = frozenset(made.cuts)
    assert made.next_to_send is not None


def test_nothing_is_sent_before_its_topic_was_looked_at_after_it_was_read() -> None:
    made = queue(ResumePoint(0, (Cut(0, 1, 2),)))
    made.add(run([0, 1]), LIMITS, 0.0)
    made.seal(5.0)
    made.confirmed_at = 4.9
    assert made.is_unconfirmed
    assert made.next_to_send is None
    made.confirmed_at = 5.0
    assert not made.is_unconfirmed
    assert made.send().rows == 2
    assert not made.sealed_at


def test_a_recorded_batch_may_be_sent_again_at_once() -> None:
    made = queue(ResumePoint(0, (Cut(0, 5, 6),)))
    made.add(run([0, 1, 2]), LIMITS, now=0.0)
    assert made.is_completing
    assert not made.may_seal
    made.add(run([3, 4, 5]), LIMITS, now=0.0)
    made.seal(0.0)
    assert made.next_to_send is not None
    assert list(made.next_to_send.offsets) == [0, 1, 2, 3, 4, 5]


def test_a_recorded_batch_that_the_broker_has_lost_messages_of_goes_the_ordinary_way() -> None:
    made = queue(ResumePoint(0, (Cut(0, 5, 6),), OffsetRanges([1], [1])))
    made.add(run([0, 1, 2, 5, 6]), LIMITS, now=0.0)
    assert made.given_up == 1
    assert offsets_of(record_and_send(made)) == [0, 2, 5, 6]
    assert made.mark.position == 7


def test_what_lies_before_the_recorded_batches_is_recorded_too_before_it_is_sent_and_holds_nothing_up() -> None:
    made = queue(ResumePoint(0, (Cut(2, 3, 2), Cut(4, 5, 2))))
    made.add(run([0, 1, 2, 3, 4, 5]), LIMITS, now=0.0)
    assert made.may_seal
    made.seal(0.0)
    assert made.next_to_send is None
    assert made.record == FeedProgress(0, (Cut(0, 1, 2), Cut(2, 3, 2), Cut(4, 5, 2)))
    made.on_record = frozenset(made.cuts)
    assert made.next_to_send is not None
    assert offsets_of(record_and_send(made)) == [0, 1, 2, 3, 4, 5]


def test_two_batches_are_on_record_at_most() -> None:
    made = queue(ResumePoint(0))
    made.add(run(list(range(20))), LIMITS, now=0.0)
    while made.may_seal:
        made.seal(0.0)
    assert len(made.cuts) == 2


def test_what_is_dropped_stays_on_record_and_is_not_passed() -> None:
    made = queue(ResumePoint(0))
    made.add(run([0, 1, 2, 3, 4]), LIMITS, now=0.0)
    made.seal(0.0)
    assert made.drop_waiting() == 5
    assert made.record == FeedProgress(0, (Cut(0, 3, 4),))
    assert made.mark.position == 0
