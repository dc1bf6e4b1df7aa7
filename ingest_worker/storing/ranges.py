"""Offsets as ranges, both ends inclusive: every operation on them, once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Neighbouring offsets, at least one."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"a range from {self.first} to {self.last} holds no offset")

    @staticmethod
    def between(first: int, last: int) -> OffsetRange | None:
        """None when no offset lies between."""
        return OffsetRange(first, last) if first <= last else None

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def within(self, first: int, last: int) -> OffsetRange | None:
        """What of it lies from `first` to `last`."""
        return OffsetRange.between(max(self.first, first), min(self.last, last))

    def below(self, offset: int) -> OffsetRange | None:
        return self.within(self.first, offset - 1)

    def from_(self, offset: int) -> OffsetRange | None:
        """What of it is at `offset` or above."""
        return self.within(offset, self.last)

    def windows(self, offsets: int) -> Iterator[OffsetRange]:
        """All of it in parts of at most so many offsets."""
        for first in range(self.first, self.last + 1, offsets):
            yield OffsetRange(first, min(self.last, first + offsets - 1))

    def left_by(self, ranges: Iterable[OffsetRange]) -> Iterator[OffsetRange]:
        """What of it lies in none of these rising ranges, all of which are looked at."""
        position = self.first
        for entry in ranges:
            if gap := OffsetRange.between(position, min(entry.first - 1, self.last)):
                yield gap
            position = max(position, entry.last + 1)
        if gap := OffsetRange.between(position, self.last):
            yield gap


@dataclass(frozen=True, slots=True)
class OffsetRanges:
    """Offsets as rising ranges that do not touch: two sequences, as there may be a million of them."""

    firsts: Sequence[int] = ()
    lasts: Sequence[int] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Self:
        """Of ranges, first and last offset, in any order that may touch and overlap."""
        firsts: list[int] = []
        lasts: list[int] = []
        for first, last in sorted(ranges):
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)
        return cls(firsts, lasts)

    @classmethod
    def of_offsets(cls, offsets: Iterable[int]) -> Self:
        return cls.of((offset, offset) for offset in offsets)

    def __bool__(self) -> bool:
        return bool(self.firsts)

    def __iter__(self) -> Iterator[OffsetRange]:
        return map(OffsetRange, self.firsts, self.lasts)

    @property
    def count(self) -> int:
        return sum(self.lasts) - sum(self.firsts) + len(self.firsts)

    def last_of(self, offset: int) -> int | None:
        """The end of the range that holds an offset; None when none does."""
        index = bisect_right(self.firsts, offset) - 1
        return self.lasts[index] if index >= 0 and offset <= self.lasts[index] else None

    def next_after(self, offset: int) -> int | None:
        """Where the first range above an offset begins."""
        index = bisect_right(self.firsts, offset)
        return self.firsts[index] if index < len(self.firsts) else None


def clipped(ranges: Sequence[OffsetRange], first: int, last: int) -> tuple[OffsetRange, ...]:
    """What of rising ranges lies from `first` to `last`."""
    start = bisect_left(ranges, first, key=lambda entry: entry.last)
    found = []
    for index in range(start, len(ranges)):
        part = ranges[index].within(first, last)
        if part is None:
            break
        found.append(part)
    return tuple(found)
