"""Which offsets of a partition can be replayed, and which of them are missing."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_worker.storing.ranges import OffsetRange
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
    return Span(
        range=wanted.within(held.low, end - 1),
        gone=wanted.below(held.low),
        beyond=wanted.within(end, max(held.high, held.committed or 0) - 1),
    )


def workers_from(held: Held) -> int:
    """The first offset that is the worker's: all below is stored, and no worker touches it unless the group's offset
    is set back, for which it must take the partition over."""
    if held.committed is None:
        return 0
    recorded = held.record.progress.values() if held.record is not None else ()
    return min(held.committed, held.high, *(cut.first for progress in recorded for cut in progress.cuts))
