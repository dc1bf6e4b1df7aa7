"""What the worker's work is divided by: partitions of a topic, once for each data source that they feed."""

from __future__ import annotations

from typing import NamedTuple


class PartitionId(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class FeedPartition(NamedTuple):
    """A partition of a topic as it feeds one data source: what has one owner, one buffer and one scan."""

    data_source: str
    topic: str
    number: int

    @property
    def partition(self) -> PartitionId:
        return PartitionId(self.topic, self.number)
