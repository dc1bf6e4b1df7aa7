"""Ranges say of any offsets what sets of them would say."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.operations.ranges import Comparison, RangeList, StoredRun, compare
from ingest_worker.storing.ranges import OffsetRange

OFFSETS = st.integers(0, 60)


def runs_of(stored: Counter[int]) -> list[StoredRun]:
    """Offsets in the form of runs, cut wherever the number of copies changes or an offset is missing."""
    keyed = groupby(enumerate(sorted(stored)), key=lambda pair: (pair[1] - pair[0], stored[pair[1]]))
    groups = [(copies, [offset for _, offset in group]) for (_, copies), group in keyed]
    return [StoredRun(offsets[0], offsets[-1], copies) for copies, offsets in groups]


def offsets_of(ranges: RangeList) -> set[int]:
    return {offset for entry in ranges.ranges for offset in range(entry.first, entry.last + 1)}


@given(st.lists(OFFSETS), st.tuples(OFFSETS, OFFSETS) | st.none())
def test_finds_what_sets_would_find(stored: list[int], bounds: tuple[int, int] | None) -> None:
    expected = OffsetRange(min(bounds), max(bounds)) if bounds else None
    wanted = set(range(expected.first, expected.last + 1)) if expected else set()
    counted = Counter(stored)
    result = compare(runs_of(counted), expected)
    assert (result.rows, result.distinct) == (len(stored), len(counted))
    assert offsets_of(result.gaps) == wanted - set(stored)
    assert offsets_of(result.doubles) == {offset for offset, copies in counted.items() if copies > 1}
    for found in (result.gaps, result.doubles):
        assert found.offsets == len(offsets_of(found))
        assert all(before.last + 1 < after.first for before, after in zip(found.ranges, found.ranges[1:], strict=False))


@given(st.lists(OFFSETS, unique=True), st.integers(1, 5))
def test_keeps_no_more_ranges_than_it_may_and_counts_the_others(offsets: list[int], limit: int) -> None:
    every, few = RangeList(), RangeList(limit)
    for offset in sorted(offsets):
        every.add(OffsetRange(offset, offset))
        few.add(OffsetRange(offset, offset))
    assert few.offsets == every.offsets == len(offsets)
    assert few.ranges == every.ranges[:limit]
    assert len(few.ranges) + few.more == len(every.ranges)


@given(st.sets(OFFSETS), OFFSETS)
def test_what_is_missing_below_a_boundary_is_unknown_and_no_gap(missing: set[int], boundary: int) -> None:
    result = compare(runs_of(Counter(set(range(61)) - missing)), OffsetRange(0, 60), known_from=boundary)
    assert offsets_of(result.unknown) == {offset for offset in missing if offset < boundary}
    assert offsets_of(result.gaps) == {offset for offset in missing if offset >= boundary}


def test_prints_ranges_as_people_write_them() -> None:
    ranges = RangeList(limit=2)
    for first, last in ((3, 3), (5, 9), (20, 20), (30, 31)):
        ranges.add(OffsetRange(first, last))
    assert str(ranges) == "3, 5-9 and 2 more ranges"


def test_refuses_runs_that_do_not_rise() -> None:
    with pytest.raises(ValueError, match="does not come after"):
        compare([StoredRun(0, 5, 1), StoredRun(5, 6, 1)], None)


def test_nothing_expected_and_nothing_stored_is_well() -> None:
    assert compare([], None) == Comparison()
