"""Medians, percentiles and ratios of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and the smallest and largest of them."""

    median: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Raises `ValueError` for no values."""
        if not values:
            raise ValueError("there is no median of nothing")
        return cls(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of a hundred of the values do not exceed (the nearest-rank method)."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank) - 1, 0)]


def spread_text(values: Sequence[float | None], form: Callable[[float], str]) -> str:
    """`median (smallest–largest)`; the median alone for one value, a dash where a round has none."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "–"
    spread = Spread.of(known)
    if len(known) == 1:
        return form(spread.median)
    return f"{form(spread.median)} ({form(spread.smallest)}–{form(spread.largest)})"


def ratio(value: float, base: float) -> float | None:
    """How many times `base` the value is; None for a base of nothing."""
    return value / base if base else None


def thousands(value: float) -> str:
    return f"{value:,.0f}"


def micros(value: float) -> str:
    return f"{value:.2f}"


def millis(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def mebibytes(value: float) -> str:
    return f"{value / 1024 / 1024:,.0f}"


def times(value: float) -> str:
    return f"{value:.2f}×"
