"""When the next batches of a data source are cut: the decision alone, over all partitions that feed it.

A full batch is cut at once, also while the one before it is inserted, so that the pipeline never waits for a record. Of
the others the oldest is cut, once in so many seconds however many partitions there are, since it is the number of
inserts that a table's merges suffer from; and only when an inserter is free for it, as until then it may as well grow.
So a message that comes alone is inserted at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Candidate(NamedTuple):
    """The next batch of one partition, and the one before it. `since` is when its first message came."""

    may_be_cut: bool = True
    is_full: bool = False  # as large as may be, or more waits behind it, or a former owner has cut it
    is_flushing: bool = False  # nothing more will be read
    is_sealed: bool = False  # the one before it is cut and waits for an inserter
    is_inserting: bool = False  # the one before it is being inserted
    since: float = 0.0
    memory_bytes: int = 0


class Situation(NamedTuple):
    """The data source at this moment. `is_tight`: waiting for more would end in a pause; `must_pause`: it has."""

    now: float
    idle_inserters: int = 0
    is_tight: bool = False
    must_pause: bool = False


class Rhythm(NamedTuple):
    """From `due_at` on one batch may be cut that is not full, and the next after some `seconds`."""

    due_at: float
    seconds: float

    def is_due(self, now: float) -> bool:
        return now >= self.due_at

    def after_cut(self, now: float) -> Rhythm:
        # What is looked at late is not to be later each time, or the rhythm would be that of the looks.
        is_behind = 0 <= now - self.due_at < self.seconds / 2
        return self._replace(due_at=(self.due_at if is_behind else now) + self.seconds)


class Cuts(NamedTuple):
    """By number, the candidates to be cut now, in this order; and the rhythm from now on."""

    numbers: list[int]
    rhythm: Rhythm


def due(candidates: Sequence[Candidate], situation: Situation, rhythm: Rhythm) -> Cuts:
    """The batches whose boundaries are to be fixed now."""
    numbers = [number for number, each in enumerate(candidates) if each.may_be_cut and each.is_full]
    is_time = rhythm.is_due(situation.now) or situation.is_tight
    ripe = [
        number
        for number, each in enumerate(candidates)
        if (is_time or each.is_flushing)
        and each.may_be_cut
        and not (each.is_full or each.is_sealed or each.is_inserting)
    ]
    free = _free_inserters(candidates, numbers, situation) if ripe else 0
    for number in _by_urgency(ripe, candidates, situation)[:free]:
        # The first cut has changed the rhythm: the others wait for their turn, but for those that must not.
        if rhythm.is_due(situation.now) or situation.is_tight or candidates[number].is_flushing:
            numbers.append(number)
            rhythm = rhythm.after_cut(situation.now)
    return Cuts(numbers, rhythm)


def _free_inserters(candidates: Sequence[Candidate], full: Sequence[int], situation: Situation) -> int:
    """Inserters that are left for batches that are not full."""
    is_busy = any(each.is_sealed or each.is_inserting for each in candidates)
    # Ahead of a free inserter only while nothing more may be read: until then waiting makes the batch larger.
    ahead = 0 if is_busy and not situation.must_pause else 1
    under_way = sum(each.is_sealed and not each.is_inserting for each in candidates)
    under_way += sum(not candidates[number].is_inserting for number in full)
    return max(0, max(ahead, situation.idle_inserters) - under_way)


def _by_urgency(numbers: list[int], candidates: Sequence[Candidate], situation: Situation) -> list[int]:
    """The oldest first; the largest when memory is scarce, which gives back most with the fewest inserts."""
    if situation.is_tight:
        return sorted(numbers, key=lambda number: -candidates[number].memory_bytes)
    return sorted(numbers, key=lambda number: candidates[number].since)
