"""What is asked of the claimer when partitions are assigned, and what it gives back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ingest_worker.storing.fence.ownership import Claim
from ingest_worker.storing.fence.recovery import Recovered, recorded_start
from ingest_worker.storing.places import Lot, Place
from ingest_worker.storing.record import LaneStart
from ingest_worker.takeover.partition import Partition
from schemas.mapping.landing import fence_key, replay_key, topic_key


@dataclass(frozen=True, slots=True)
class TakeoverRequest:
    """Partitions that were assigned together, the owner id to claim them under, and what each of them feeds.

    Those of `anew` are read from their beginning: they are of a topic that was made again while no worker ran."""

    partitions: tuple[Partition, ...]
    owner: int
    lots: tuple[Lot, ...]
    anew: frozenset[Place] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(partition.name for partition in self.partitions)

    @property
    def topic_ids(self) -> Mapping[str, str]:
        return {partition.topic: partition.topic_id for partition in self.partitions}

    @property
    def claim(self) -> Claim:
        """What has to be written into the fence table before anything of these partitions may be inserted.

        A replay that runs is refused from then on: the group's offset may have been set back into its range."""
        topic_ids = self.topic_ids
        keys = (
            key(name, topic_ids[topic], number) for name, topic, number in self.lots for key in (fence_key, replay_key)
        )
        topics = (topic_key(name, topic, topic_ids[topic]) for name, topic, _ in self.lots)
        return Claim((*keys, *dict.fromkeys(topics)), self.owner)

    @property
    def recorded(self) -> Mapping[Lot, LaneStart]:
        """Where each lot goes on as far as the group's record says."""
        by_place = {partition.place: partition for partition in self.partitions}
        starts = {}
        for data_source, topic, number in self.lots:
            partition = by_place[topic, number]
            position = partition.low if partition.place in self.anew else partition.position
            starts[data_source, topic, number] = recorded_start(data_source, position, partition.record)
        return starts

    def without(self, places: Collection[Place]) -> TakeoverRequest:
        """The same for the other partitions alone."""
        return replace(
            self,
            partitions=tuple(entry for entry in self.partitions if entry.place not in places),
            lots=tuple(lot for lot in self.lots if lot[1:] not in places),
        )


@dataclass(frozen=True, slots=True)
class Takeover:
    """Partitions that are this worker's, and where each of their lots goes on; and those that must be left alone, with
    the reason. `recovered` is None when all of them must. `anew` as in the request."""

    partitions: tuple[Partition, ...]
    recovered: Recovered | None
    refused: Mapping[Place, str] = field(default_factory=dict)
    anew: frozenset[Place] = frozenset()
