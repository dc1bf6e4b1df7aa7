"""What is asked of the claimer when partitions are assigned, and what it gives back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ingest_worker.storing.fence.ownership import Claim
from ingest_worker.storing.fence.recovery import Recovered, recorded_start
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.storing.record import ResumePoint
from ingest_worker.takeover.partition import Partition
from schemas.mapping.landing import fence_key, replay_key, topic_key


@dataclass(frozen=True, slots=True)
class TakeoverRequest:
    """Partitions that were assigned together, the owner id to claim them under, and what each of them feeds.

    Those of `anew` are read from their beginning: they are of a topic that was made again while no worker ran."""

    partitions: tuple[Partition, ...]
    owner: int
    feed_partitions: tuple[FeedPartition, ...]
    anew: frozenset[PartitionId] = frozenset()

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
            key(fed.data_source, topic_ids[fed.topic], fed.number)
            for fed in self.feed_partitions
            for key in (fence_key, replay_key)
        )
        topics = (topic_key(fed.data_source, fed.topic, topic_ids[fed.topic]) for fed in self.feed_partitions)
        return Claim((*keys, *dict.fromkeys(topics)), self.owner)

    @property
    def recorded(self) -> Mapping[FeedPartition, ResumePoint]:
        """Where each data source goes on as far as the group's record says."""
        by_id = {partition.id: partition for partition in self.partitions}
        starts = {}
        for fed in self.feed_partitions:
            partition = by_id[fed.partition]
            position = partition.low if partition.id in self.anew else partition.position
            starts[fed] = recorded_start(fed.data_source, position, partition.record)
        return starts

    def without(self, left_out: Collection[PartitionId]) -> TakeoverRequest:
        """The same for the other partitions alone."""
        return replace(
            self,
            partitions=tuple(entry for entry in self.partitions if entry.id not in left_out),
            feed_partitions=tuple(fed for fed in self.feed_partitions if fed.partition not in left_out),
        )


@dataclass(frozen=True, slots=True)
class Takeover:
    """Partitions that are this worker's, and where each data source goes on in them; and those that must be left alone,
    with the reason. `recovered` is None when all of them must. `anew` as in the request."""

    partitions: tuple[Partition, ...]
    recovered: Recovered | None
    refused: Mapping[PartitionId, str] = field(default_factory=dict)
    anew: frozenset[PartitionId] = frozenset()
