"""Offsets as ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OffsetRanges:
    """Offsets as rising ranges that do not touch, both ends inclusive."""

    firsts: Sequence[int] = ()
    lasts: Sequence[int] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> OffsetRanges:
        """Of ranges in any order that may touch and overlap."""
        firsts: list[int] = []
        lasts: list[int] = []
        for first, last in sorted(ranges):
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)
        return cls(firsts, lasts)

    def __bool__(self) -> bool:
        return bool(self.firsts)

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


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Neighbouring offsets, both ends inclusive."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"a range from {self.first} to {self.last} holds no offset")

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def count(self) -> int:
        return self.last - self.first + 1
