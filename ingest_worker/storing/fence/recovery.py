"""Taking a partition over without losing or doubling: the order of the steps as types, and every decision in them.

    Claim ──fence──► Fenced ──await──► Quiet ──scan──► Recovered ──resume──► queues that complete, then go on

Each step takes the proof that the one before it was done, so that none can be left out or moved: before the fence a
former owner could still start an insert, before its last insert has ended a scan would miss rows, and before the scan
nothing may be inserted. Completing needs no step of its own: a queue cuts its first batches where the record says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Record, ResumePoint


@dataclass(frozen=True, slots=True)
class Fenced:
    """The fence is written: no former owner's insert that is not yet under way will be taken."""

    owner: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """No insert of a former owner runs any more: what ClickHouse holds of the partitions changes no more."""

    fenced: Fenced


@dataclass(frozen=True, slots=True)
class Recovered:
    """All that must be known before anything may be inserted."""

    quiet: Quiet
    starts: Mapping[FeedPartition, ResumePoint]

    @property
    def owner(self) -> int:
        return self.quiet.fenced.owner


def recorded_start(data_source: str, committed: int, record: Record | None) -> ResumePoint:
    """What the record alone says; the group's offset where it says nothing of this data source."""
    progress = record.progress.get(data_source) if record is not None else None
    return ResumePoint(committed) if progress is None else ResumePoint(progress.position, progress.cuts)


def recovered(
    quiet: Quiet, recorded: Mapping[FeedPartition, ResumePoint], present: Mapping[FeedPartition, OffsetRanges]
) -> Recovered:
    """Joins what the record says with what the scan found."""
    starts = {
        fed: ResumePoint(start.position, start.cuts, present.get(fed, OffsetRanges()))
        for fed, start in recorded.items()
    }
    return Recovered(quiet, starts)


class AwaitStep(Enum):
    """What to do about inserts of former owners."""

    PROCEED = "proceed"
    WAIT = "wait"
    KILL = "kill"
    GIVE_UP = "give up"  # for now: the partitions stay paused, and the takeover begins again


PATIENCE_SECONDS = 2.0
"""How long an insert of a former owner may go on by itself: most end within a second."""

KILL_SECONDS = 20.0
"""How long one that was killed may take to end: ClickHouse looks between two blocks."""


def next_step(running: int, waited_seconds: float) -> AwaitStep:
    """The decision while `running` inserts of former owners are there. Going on with one there is none of them."""
    if running == 0:
        return AwaitStep.PROCEED
    if waited_seconds < PATIENCE_SECONDS:
        return AwaitStep.WAIT
    return AwaitStep.KILL if waited_seconds < PATIENCE_SECONDS + KILL_SECONDS else AwaitStep.GIVE_UP
