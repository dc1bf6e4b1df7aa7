"""Ranges say of any offsets what sets of them would say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.ranges import OffsetRange, OffsetRanges, clipped

OFFSETS = st.integers(0, 60)
RANGES = st.tuples(OFFSETS, OFFSETS).map(lambda pair: OffsetRange(min(pair), max(pair)))


def offsets(*ranges: OffsetRange | None) -> set[int]:
    return {offset for entry in ranges if entry is not None for offset in range(entry.first, entry.last + 1)}


def test_a_range_holds_an_offset() -> None:
    with pytest.raises(ValueError, match="holds no offset"):
        OffsetRange(5, 4)
    assert OffsetRange.between(5, 4) is None
    assert OffsetRange.between(5, 5) == OffsetRange(5, 5)


@pytest.mark.parametrize(("entry", "text"), [(OffsetRange(3, 3), "3"), (OffsetRange(3, 9), "3-9")])
def test_a_range_is_written_as_people_do(entry: OffsetRange, text: str) -> None:
    assert str(entry) == text


@given(RANGES, OFFSETS)
def test_a_range_is_cut_at_an_offset(whole: OffsetRange, at: int) -> None:
    assert offsets(whole.below(at)) == {offset for offset in offsets(whole) if offset < at}
    assert offsets(whole.from_(at)) == {offset for offset in offsets(whole) if offset >= at}


@given(RANGES, OFFSETS, OFFSETS)
def test_a_range_within_others_is_what_both_hold(whole: OffsetRange, first: int, last: int) -> None:
    assert offsets(whole.within(first, last)) == {offset for offset in offsets(whole) if first <= offset <= last}


@given(st.lists(RANGES))
def test_ranges_that_touch_or_overlap_become_one(ranges: list[OffsetRange]) -> None:
    found = OffsetRanges.of((entry.first, entry.last) for entry in ranges)
    assert offsets(*found) == offsets(*ranges)
    assert found.count == len(offsets(*ranges))
    assert bool(found) is bool(ranges)
    assert all(before.last + 1 < after.first for before, after in pairwise(found))


@given(st.sets(OFFSETS), OFFSETS)
def test_an_offset_is_looked_up(present: set[int], asked: int) -> None:
    found = OffsetRanges.of_offsets(present)
    end = found.last_of(asked)
    assert (end is not None) is (asked in present)
    assert end is None or set(range(asked, end + 1)) <= present
    following = found.next_after(asked)
    assert following is None or (following > asked and following in present and following - 1 not in present)


@given(st.sets(OFFSETS), RANGES)
def test_gaps_are_what_is_not_present(present: set[int], within: OffsetRange) -> None:
    stored = OffsetRanges.of_offsets(present & offsets(within))
    found = list(within.left_by(stored))
    assert offsets(*found) == offsets(within) - present
    assert all(before.last + 1 < after.first for before, after in pairwise(found))


@given(st.sets(OFFSETS), RANGES)
def test_clipping_leaves_what_lies_within(asked: set[int], within: OffsetRange) -> None:
    whole = list(OffsetRanges.of_offsets(asked))
    assert offsets(*clipped(whole, within.first, within.last)) == asked & offsets(within)


@given(RANGES, st.integers(1, 20))
def test_windows_hold_every_offset_once(whole: OffsetRange, size: int) -> None:
    found = list(whole.windows(size))
    assert offsets(*found) == offsets(whole)
    assert sum(entry.count for entry in found) == whole.count
    assert all(entry.count <= size for entry in found)
