"""The low-water mark: nothing is committed early, and nothing is forgotten."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.offsets import LowWaterMark


@given(st.integers(0, 50), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12), st.randoms())
def test_any_order_of_completion_commits_what_is_contiguous_and_no_more(
    start: int, shapes: list[tuple[int, int]], random: Random
) -> None:
    mark, ranges, offset = LowWaterMark(start), [], start
    for hole, length in shapes:
        ranges.append((offset + hole, offset + hole + length - 1))
        offset = ranges[-1][1] + 1
        mark.announce(*ranges[-1])
    order = list(ranges)
    random.shuffle(order)
    stored: set[tuple[int, int]] = set()
    for entry in order:
        before = mark.position
        moved = mark.stored(*entry)
        stored.add(entry)
        missing = [first for first, last in ranges if (first, last) not in stored]
        assert all(mark.position <= first for first in missing)
        below = [last for first, last in ranges if not missing or first < missing[0]]
        assert mark.position == (max(below) + 1 if below else start)
        assert moved == (mark.position > before)
    assert mark.position == offset


def test_refuses_what_cannot_be() -> None:
    mark = LowWaterMark(5)
    with pytest.raises(ValueError, match="do not follow 4"):
        mark.announce(4, 6)
    mark.announce(5, 6)
    with pytest.raises(ValueError, match="do not follow 6"):
        mark.announce(6, 7)
    with pytest.raises(ValueError, match="were not announced"):
        mark.stored(5, 7)
