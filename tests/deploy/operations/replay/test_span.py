"""Which offsets a replay may touch, held against sets of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.operations.replay.span import span_of, workers_from
from ingest_worker.storing.ranges import OffsetRange
from ingest_worker.storing.record import Cut, FeedProgress, Record
from ingest_worker.storing.topic import Held

OFFSETS = st.integers(0, 60)
RANGES = st.tuples(OFFSETS, OFFSETS).map(lambda pair: OffsetRange(min(pair), max(pair)))


def offsets(*ranges: OffsetRange | None) -> set[int]:
    return {offset for entry in ranges if entry is not None for offset in range(entry.first, entry.last + 1)}


@given(RANGES, OFFSETS, OFFSETS, st.none() | OFFSETS)
def test_a_span_is_what_the_broker_holds_and_the_group_has_committed(
    wanted: OffsetRange, low: int, more: int, committed: int | None
) -> None:
    high = low + more
    span = span_of(wanted, Held(0, low, high, committed))
    assert offsets(span.range) == {n for n in offsets(wanted) if low <= n < min(committed or 0, high)}
    assert offsets(span.gone) == {n for n in offsets(wanted) if n < low}
    assert offsets(span.beyond) == {
        n for n in offsets(wanted) if min(committed or 0, high) <= n < max(high, committed or 0)
    }


def test_a_recorded_batch_is_the_workers_wherever_the_commit_is() -> None:
    record = Record(
        "id", {"events": FeedProgress(20, (Cut(20, 29, 10),)), "other": FeedProgress(50, (Cut(15, 16, 2),))}
    )
    assert workers_from(Held(0, 0, 100, 40, record=record)) == 15
