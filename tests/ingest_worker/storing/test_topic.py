"""What is read of a topic's messages is what was asked for, whatever came with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.messages import Run
from ingest_worker.storing.ranges import OffsetRange, OffsetRanges
from ingest_worker.storing.topic import _READ_THROUGH, _parts, _windows

OFFSETS = st.sets(st.integers(0, 50), min_size=1)


def ranges_of(offsets: set[int]) -> list[OffsetRange]:
    found = OffsetRanges.of((offset, offset) for offset in offsets)
    return list(found)


@given(OFFSETS, OFFSETS)
def test_a_run_is_cut_to_the_ranges(held: set[int], asked: set[int]) -> None:
    offsets = sorted(held)
    run = Run("topic", 0, [str(offset).encode() for offset in offsets], offsets, offsets, payload_bytes=1)
    ranges = ranges_of(asked)
    parts = list(_parts(run, [entry.first for entry in ranges], ranges))
    assert [offset for part in parts for offset in part.offsets] == sorted(held & asked)
    assert all(part.values == [str(offset).encode() for offset in part.offsets] for part in parts)
    assert all(
        any(entry.first <= part.offsets[0] <= part.offsets[-1] <= entry.last for entry in ranges) for part in parts
    )


def test_near_ranges_are_read_in_one_go() -> None:
    near = [OffsetRange(0, 9), OffsetRange(20, 29)]
    far = OffsetRange(30 + _READ_THROUGH, 31 + _READ_THROUGH)
    assert list(_windows([*near, far])) == [near, [far]]
    assert list(_windows([])) == []
