"""Which offsets of a partition can be replayed, and which of them are missing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest_worker.storing.ranges import OffsetRange, OffsetRanges
from ingest_worker.storing.topic import Held

WINDOW_OFFSETS = 5_000_000
"""Offsets that are looked at together, so that memory does not grow with the range."""


@dataclass(frozen=True, slots=True)
class Span:
    """What of a wanted range a replay may touch: `range`, None for nothing; what of it the broker no longer holds; and
    what is the worker's to store, as its group has not committed it."""

    range: OffsetRange | None
    gone: OffsetRange | None = None
    beyond: OffsetRange | None = None


def span_of(wanted: OffsetRange, held: Held) -> Span:
    """Cuts a wanted range at what the broker holds and at what the group has committed."""
    end = workers_from(held)
    first, last = max(wanted.first, held.low), min(wanted.last, end - 1)
    return Span(
        range=OffsetRange(first, last) if first <= last else None,
        gone=_range(wanted.first, min(wanted.last, held.low - 1)),
        beyond=_range(max(wanted.first, end), min(wanted.last, max(held.high, held.committed or 0) - 1)),
    )


def workers_from(held: Held) -> int:
    """The first offset that is the worker's: all below is stored, and no worker touches it unless the group's offset
    is set back, for which it must take the partition over."""
    if held.committed is None:
        return 0
    lanes = held.record.lanes.values() if held.record is not None else ()
    return min(held.committed, held.high, *(cut.first for lane in lanes for cut in lane.cuts))


def windows(whole: OffsetRange, offsets: int = WINDOW_OFFSETS) -> Iterator[OffsetRange]:
    for first in range(whole.first, whole.last + 1, offsets):
        yield OffsetRange(first, min(whole.last, first + offsets - 1))


def gaps(present: OffsetRanges, within: OffsetRange) -> list[OffsetRange]:
    """The offsets of `within` that are not in `present`, whose ranges all lie within."""
    found, position = [], within.first
    for first, last in zip(present.firsts, present.lasts, strict=True):
        if position < first:
            found.append(OffsetRange(position, first - 1))
        position = last + 1
    if position <= within.last:
        found.append(OffsetRange(position, within.last))
    return found


def clipped(ranges: Sequence[OffsetRange], first: int, last: int) -> tuple[OffsetRange, ...]:
    """What of rising ranges lies from `first` to `last`."""
    start = bisect_left(ranges, first, key=lambda entry: entry.last)
    found = []
    for index in range(start, len(ranges)):
        entry = ranges[index]
        if entry.first > last:
            break
        found.append(OffsetRange(max(first, entry.first), min(last, entry.last)))
    return tuple(found)


def _range(first: int, last: int) -> OffsetRange | None:
    return OffsetRange(first, last) if first <= last else None
