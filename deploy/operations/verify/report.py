"""What was found of one partition, and the verdict on it and on all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from deploy.operations.ranges import Comparison
from ingest_worker.storing.topic import Held


class Verdict(IntEnum):
    """What was found; the value is the exit code."""

    WELL = 0
    WRONG = 1
    UNKNOWN = 2


@dataclass(slots=True)
class PartitionReport:
    """One partition of one data source. `empty` counts offsets at which the broker holds no message: control records
    of transactions, aborted messages, and in a compacted topic what is gone (`unknown` then). `former` counts rows of
    an earlier topic of the same name, which say nothing of today's."""

    data_source: str
    topic: str
    held: Held
    comparison: Comparison
    empty: int = 0
    former: int = 0
    unknown_because: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        if self.comparison.gaps or self.comparison.doubles:
            return Verdict.WRONG
        return Verdict.UNKNOWN if self.unknown_because else Verdict.WELL

    @property
    def mending(self) -> str:
        """The command that fills the gaps; empty without any."""
        gaps = self.comparison.gaps
        if not gaps:
            return ""
        return (
            f"birdhouse replay --data-source {self.data_source} --partition {self.held.partition}"
            f" --from-offset {gaps.ranges[0].first} --to-offset {gaps.last}"
        )


class Judged(Protocol):
    """Any report."""

    @property
    def verdict(self) -> Verdict: ...


def verdict_of(partitions: Iterable[Judged], views: Iterable[Judged] = ()) -> Verdict:
    """Wrong when anything is, else unknown when any partition is. Of many views nobody could ever tell."""
    verdicts = {report.verdict for report in partitions} | {report.verdict for report in views} - {Verdict.UNKNOWN}
    return next((found for found in (Verdict.WRONG, Verdict.UNKNOWN) if found in verdicts), Verdict.WELL)
