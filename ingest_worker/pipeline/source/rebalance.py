"""What the group decides: partitions that it gives to this member, takes away in order, or has given to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import Consumer, TopicPartition

from ingest_worker.errors import OwnershipLostError, TopicReplacedError
from ingest_worker.observing.consuming import CommitFailed
from ingest_worker.observing.partitions import PartitionsAssigned, PartitionsLost, PartitionsRevoked
from ingest_worker.observing.topics import TopicReplaced
from ingest_worker.pipeline.source.commits import Commits
from ingest_worker.pipeline.source.kafka_calls import RebalanceCallback, as_source_error
from ingest_worker.pipeline.source.session import Session
from ingest_worker.pipeline.source.troubles import Troubles
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.takeover.partition import Partition, assigned
from service.deadline import Deadline

_NO_OFFSET_HINT = (
    "set the group's offset with kafka-consumer-groups while no worker runs, or, where it has none,"
    " KAFKA_AUTO_OFFSET_RESET to `earliest` or `latest`"
)

ClaimPartitions = Callable[[Sequence[Partition]], None]


class Rebalance:
    """librdkafka calls `on_assign`, `on_revoke` and `on_lost` from within `consume` and `close`, on the thread that
    reads.

    `claim` is asked, without blocking, to take ownership of partitions. `deadline` is by when a stop must be done, None
    while nobody stops; `is_failed` says that the consumer must not commit any more.
    """

    def __init__(self, session: Session, commits: Commits, troubles: Troubles, claim: ClaimPartitions) -> None:
        self.deadline: Deadline | None = None
        self.is_failed = False
        self._subscription = session.subscription
        self._group = session.subscription.group
        self._assignment = session.assignment
        self._membership = session.membership
        self._commits = commits
        self._troubles = troubles
        self._claim = claim
        self._observe = session.context.observe
        self._clock = session.context.clock
        self._drain_seconds = session.context.settings.drain_seconds

    def callbacks(self) -> dict[str, RebalanceCallback]:
        """What `Consumer.subscribe` is told."""
        return {
            "on_assign": as_source_error(self.on_assign),
            "on_revoke": as_source_error(self.on_revoke),
            "on_lost": as_source_error(self.on_lost),
        }

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        added = self.assigned(consumer, partitions) if partitions else []
        self._membership.joined()
        self._observe(PartitionsAssigned(self._group, tuple(entry.name for entry in added)))
        self.begin(consumer, added)

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Finish what is being inserted, commit it, let go. What only waits is left to the next owner, who is
        waiting for this to end."""
        ids = _ids(partitions)
        self._assignment.drop_waiting(ids)
        deadline = self.deadline or Deadline.after(self._drain_seconds, self._clock)
        drained = not self.is_failed and self._assignment.wait_until_idle(ids, deadline)
        if not self.is_failed:
            try:
                self._commits.commit_at_once(consumer)
            except OwnershipLostError as error:
                self._observe(CommitFailed(self._group, str(error), 0.0))
        self._assignment.remove(ids)
        consumer.incremental_unassign(partitions)
        self._observe(PartitionsRevoked(self._group, _names(ids), drained))

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ids = _ids(partitions)
        self._assignment.remove(ids)
        consumer.incremental_unassign(partitions)
        self._observe(PartitionsLost(self._group, _names(ids), "the group gave them to others"))

    def assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[Partition]:
        """Where each of them starts. Raises `TopicReplacedError`, and `KafkaException` without an answer."""
        subscription = self._subscription
        topics = {topic: facts for topic, facts in subscription.topics.items() if facts is not None}
        for topic in {entry.topic for entry in partitions} - topics.keys():
            raise TopicReplacedError(f"there is a topic `{topic}` now")
        found = assigned(consumer, partitions, topics, subscription.resets, subscription.made_again)
        former = {entry.topic: entry.former_id for entry in found if entry.former_id is not None}
        for topic in former.keys() - set(subscription.made_again):
            self._observe(TopicReplaced(self._group, topic, former[topic], topics[topic].topic_id))
        return found

    def begin(self, consumer: Consumer, added: list[Partition]) -> None:
        """Have these partitions taken over, paused until they are."""
        assign_paused(consumer, added)
        self._assignment.add(added)
        for entry in added:
            if entry.error is not None:
                self._troubles.broken(entry, _NO_OFFSET_HINT)
        if added:
            self._claim(added)

    def give_up(self, reason: str) -> None:
        """Forget what is still assigned, of a consumer that is no more."""
        left = list(self._assignment.partitions)
        if left:
            self._assignment.remove(left)
            self._observe(PartitionsLost(self._group, _names(left), reason))


def assign_paused(consumer: Consumer, partitions: Sequence[Partition]) -> None:
    """Have the consumer stand where these partitions start, and read nothing of them yet."""
    starts = [TopicPartition(entry.topic, entry.number, entry.position) for entry in partitions]
    consumer.incremental_assign(starts)
    if starts:
        consumer.pause(starts)


def _ids(partitions: Iterable[TopicPartition]) -> list[PartitionId]:
    return [PartitionId(partition.topic, partition.partition) for partition in partitions]


def _names(partitions: Iterable[PartitionId]) -> tuple[str, ...]:
    return tuple(map(str, partitions))
