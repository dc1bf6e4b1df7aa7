"""What is asked of the claimer when partitions are assigned, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest_worker.ownership import Claim
from ingest_worker.partition import Partition
from ingest_worker.recovery import LaneStart, Lot, Recovered, recorded_start


@dataclass(frozen=True, slots=True)
class TakeoverRequest:
    """Partitions that were assigned together, the claim to make for them, and the data sources that each feeds."""

    partitions: tuple[Partition, ...]
    claim: Claim
    lots: tuple[Lot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(partition.name for partition in self.partitions)

    @property
    def topic_ids(self) -> Mapping[str, str]:
        return {partition.topic: partition.topic_id for partition in self.partitions}

    @property
    def recorded(self) -> Mapping[Lot, LaneStart]:
        """Where each lot goes on as far as the group's record says."""
        by_place = {partition.place: partition for partition in self.partitions}
        starts = {}
        for data_source, topic, number in self.lots:
            partition = by_place[topic, number]
            starts[data_source, topic, number] = recorded_start(data_source, partition.position, partition.record)
        return starts


@dataclass(frozen=True, slots=True)
class Takeover:
    """Partitions that are this worker's, and where each of their lots goes on."""

    partitions: tuple[Partition, ...]
    recovered: Recovered
