"""How far a partition may be committed: to the first offset that is not yet known to be stored."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Range:
    first: int
    last: int
    is_stored: bool = False


@dataclass(slots=True)
class LowWaterMark:
    """The offset below which everything of one partition is stored for one data source.

    Ranges are announced in the order of their offsets and may be stored in any order; holes between them are
    offsets at which the broker holds no message. `position` is what a commit may say: the next offset to read.
    """

    position: int
    _ranges: deque[_Range] = field(default_factory=deque)

    def announce(self, first: int, last: int) -> None:
        """A batch from `first` to `last`, both inclusive, is on its way."""
        previous = self._ranges[-1].last if self._ranges else self.position - 1
        if not previous < first <= last:
            raise ValueError(f"offsets {first} to {last} do not follow {previous}")
        self._ranges.append(_Range(first, last))

    def reach(self, position: int) -> None:
        """All below `position` is stored. Only while no batch is on its way."""
        if self._ranges or position < self.position:
            raise ValueError(f"cannot go on at {position}: batches below are on their way, or it is behind")
        self.position = position

    def stored(self, first: int, last: int) -> bool:
        """That batch is in ClickHouse. True when the position moved."""
        for entry in self._ranges:
            if (entry.first, entry.last) == (first, last):
                entry.is_stored = True
                break
        else:
            raise ValueError(f"offsets {first} to {last} were not announced")
        before = self.position
        while self._ranges and self._ranges[0].is_stored:
            self.position = self._ranges.popleft().last + 1
        return self.position > before
