"""Watches rows arrive until all are there: the time line, the processor time and the memory of one drain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.errors import BenchError
from bench.systems.accounting import Accounts

SAMPLE_SECONDS = 0.05
# Counting costs the server about a millisecond, so a long drain is looked at less often, to a fiftieth of its time.
_SAMPLE_SHARE, _LONGEST_SAMPLE_SECONDS = 0.02, 0.25
# Without a new row for so long, a drain has failed.
PATIENCE_SECONDS = 90.0
# Merges are work that the rows caused: they are waited for, so that they count.
SETTLE_SECONDS = 1.0
MERGES_SECONDS = 60.0


@dataclass
class Drain:
    """One drain of `events` messages. `seconds` go from owning the partitions to the last row being visible.

    `timeline` holds (seconds, rows); CPU is in µs an event by process, ClickHouse's with the merges after the last row;
    `peak_memory` is in bytes by process.
    """

    events: int
    seconds: float = 0.0
    first_rows_seconds: float = 0.0
    timeline: list[tuple[float, int]] = field(default_factory=list)
    cpu_micros: dict[str, float] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "rate": self.rate}


def watch(
    count: Callable[[], int], events: int, started_at: float, accounts: Accounts, check: Callable[[], None]
) -> Drain:
    """Sample `count` until it reaches `events`. `check` raises when a side of the bench has ended.

    Raises `BenchError` when nothing arrives any more, or too much.
    """
    drain = Drain(events)
    rows, changed_at = 0, time.monotonic()
    while rows < events:
        elapsed = time.monotonic() - started_at
        time.sleep(min(_LONGEST_SAMPLE_SECONDS, max(SAMPLE_SECONDS, elapsed * _SAMPLE_SHARE)))
        found, now = count(), time.monotonic()
        drain.timeline.append((round(now - started_at, 3), found))
        if found != rows:
            drain.first_rows_seconds = drain.first_rows_seconds or now - started_at
            rows, changed_at = found, now
        elif now - changed_at > PATIENCE_SECONDS:
            raise BenchError(f"{rows} of {events} events arrived and then no more for {PATIENCE_SECONDS:.0f} s")
        check()
    if rows > events:
        raise BenchError(f"{rows} rows were stored of {events} events")
    drain.seconds = drain.timeline[-1][0]
    drain.peak_memory = accounts.peak_memory()
    return drain


def wait_for_merges(merges: Callable[[], int]) -> None:
    """Wait until no merge has run for a second, a minute at most."""
    give_up = time.monotonic() + MERGES_SECONDS
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < SETTLE_SECONDS and time.monotonic() < give_up:
        time.sleep(SAMPLE_SECONDS)
        if merges():
            idle_since = time.monotonic()
