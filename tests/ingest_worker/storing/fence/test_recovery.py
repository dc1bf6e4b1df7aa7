"""The decisions of a takeover that no I/O is needed for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.fence.recovery import (
    KILL_SECONDS,
    PATIENCE_SECONDS,
    AwaitStep,
    Fenced,
    Quiet,
    next_step,
    recorded_start,
    recovered,
)
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Cut, FeedProgress, Record, ResumePoint

OFFSETS = st.sets(st.integers(0, 60))


@given(OFFSETS)
def test_ranges_hold_what_they_are_made_of(offsets: set[int]) -> None:
    ranges = OffsetRanges.of((offset, offset) for offset in offsets)
    assert ranges.count == len(offsets)
    assert bool(ranges) == bool(offsets)
    for offset in range(62):
        last = ranges.last_of(offset)
        assert (last is not None) == (offset in offsets)
        if last is not None:
            assert set(range(offset, last + 1)) <= offsets
            assert last + 1 not in offsets
        later = [start for start in offsets if start > offset and start - 1 not in offsets]
        assert ranges.next_after(offset) == min(later, default=None)


def test_ranges_that_touch_or_overlap_become_one() -> None:
    ranges = OffsetRanges.of([(8, 9), (0, 3), (4, 5), (2, 4)])
    assert (ranges.firsts, ranges.lasts) == ([0, 8], [5, 9])


@pytest.mark.parametrize(
    ("running", "waited", "step"),
    [
        (0, 0.0, AwaitStep.PROCEED),
        (0, 1e9, AwaitStep.PROCEED),
        (1, 0.0, AwaitStep.WAIT),
        (3, PATIENCE_SECONDS, AwaitStep.KILL),
        (1, PATIENCE_SECONDS + KILL_SECONDS, AwaitStep.GIVE_UP),
    ],
)
def test_former_inserts_are_waited_for_then_killed(running: int, waited: float, step: AwaitStep) -> None:
    assert next_step(running, waited) is step


def test_the_record_says_where_a_data_source_goes_on_else_the_commit_does() -> None:
    cut = Cut(12, 15, 4)
    record = Record("id", {"events": FeedProgress(12, (cut,))})
    assert recorded_start("events", 10, record) == ResumePoint(12, (cut,))
    assert recorded_start("added_later", 10, record) == ResumePoint(10)
    assert recorded_start("events", 10, None) == ResumePoint(10)


def test_what_the_scan_found_joins_what_the_record_says() -> None:
    part, other = FeedPartition("events", "topic", 0), FeedPartition("events", "topic", 1)
    starts = {part: ResumePoint(3, (Cut(3, 4, 2),)), other: ResumePoint(0)}
    joined = recovered(Quiet(Fenced(9)), starts, {part: OffsetRanges([4], [4])})
    assert joined.owner == 9
    assert joined.starts == {part: ResumePoint(3, (Cut(3, 4, 2),), OffsetRanges([4], [4])), other: ResumePoint(0)}
