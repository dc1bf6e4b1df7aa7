"""Offsets as ranges: what is stored held against what should be, in memory that does not grow with the offsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest_worker.storing.ranges import OffsetRange

MOST_LISTED = 1_000
"""Ranges of one kind that are kept to be printed; what is beyond them is still counted."""


@dataclass(frozen=True, slots=True)
class StoredRun(OffsetRange):
    """Neighbouring offsets that are stored equally often: `copies` rows for each."""

    copies: int


@dataclass(slots=True)
class RangeList:
    """Rising ranges, of which those that touch become one; it counts all and keeps the first of them."""

    limit: int = MOST_LISTED
    ranges: list[OffsetRange] = field(default_factory=list)
    offsets: int = 0
    """How many offsets there are in all ranges."""
    more: int = 0
    """How many ranges are counted and not kept."""
    _last: int | None = None

    def add(self, added: OffsetRange) -> None:
        """Raises ValueError for a range that begins before the end of the one before."""
        if self._last is not None and added.first <= self._last:
            raise ValueError(f"the range {added} does not come after {self._last}")
        touches = self._last is not None and added.first == self._last + 1
        if not touches and len(self.ranges) < self.limit:
            self.ranges.append(added)
        elif not touches:
            self.more += 1
        elif not self.more:
            self.ranges[-1] = OffsetRange(self.ranges[-1].first, added.last)
        self.offsets += added.count
        self._last = added.last

    def add_unlisted(self, ranges: int, offsets: int, last: int) -> None:
        """Count ranges beyond all that were added, of which nothing is known but their number and their end."""
        self.more += ranges
        self.offsets += offsets
        self._last = last

    @property
    def last(self) -> int:
        """The last offset of all, of those that are not kept too. Raises ValueError when there is none."""
        if self._last is None:
            raise ValueError("there is no range")
        return self._last

    def __bool__(self) -> bool:
        return self.offsets > 0

    def __str__(self) -> str:
        listed = ", ".join(map(str, self.ranges))
        return f"{listed} and {self.more} more ranges" if self.more else listed


@dataclass(slots=True)
class Comparison:
    """One partition's offsets: what is stored, what is missing of what was expected, what is there more than once.
    `unknown` are missing offsets of which nobody can tell any more whether there was anything to store."""

    rows: int = 0
    distinct: int = 0
    gaps: RangeList = field(default_factory=RangeList)
    doubles: RangeList = field(default_factory=RangeList)
    unknown: RangeList = field(default_factory=RangeList)


def compare(runs: Iterable[StoredRun], expected: OffsetRange | None, known_from: int = 0) -> Comparison:
    """Gaps are the offsets of `expected` that no run holds, those below `known_from` are unknown; doubles are sought in
    every run.

    `runs` rise and do not overlap; raises ValueError when they do.
    """
    result = Comparison()
    counted = _counted(runs, result)
    for gap in expected.left_by(counted) if expected is not None else ():
        if unknown := gap.below(known_from):
            result.unknown.add(unknown)
        if missing := gap.from_(known_from):
            result.gaps.add(missing)
    for _ in counted:
        pass  # without an expectation they are counted all the same
    return result


def _counted(runs: Iterable[StoredRun], result: Comparison) -> Iterator[StoredRun]:
    """The runs, each of which is counted as it is looked at."""
    before: StoredRun | None = None
    for run in runs:
        if before is not None and run.first <= before.last:
            raise ValueError(f"the run at {run.first} does not come after {before.last}")
        before = run
        result.rows += run.count * run.copies
        result.distinct += run.count
        if run.copies > 1:
            result.doubles.add(OffsetRange(run.first, run.last))
        yield run
