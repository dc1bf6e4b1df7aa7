"""What ClickHouse says of the partitions that the group gives: opened once they are owned, taken back from others."""

from __future__ import annotations

import threading

from confluent_kafka import Consumer, TopicPartition

from ingest_worker.pipeline.source.commits import Commits
from ingest_worker.pipeline.source.rebalance import Rebalance, assign_paused
from ingest_worker.pipeline.source.session import Session
from ingest_worker.pipeline.source.troubles import Troubles
from ingest_worker.takeover.handover import REFUSAL_HINT
from ingest_worker.takeover.request import Takeover


class Takeovers:
    """Everything but `taken` runs on the thread that reads."""

    def __init__(self, session: Session, rebalance: Rebalance, commits: Commits, troubles: Troubles) -> None:
        self._assignment = session.assignment
        self._rebalance = rebalance
        self._commits = commits
        self._troubles = troubles
        self._taken: list[Takeover] = []
        self._lock = threading.Lock()

    def taken(self, takeover: Takeover) -> None:
        """Ownership of partitions was taken. Called from another thread."""
        with self._lock:
            self._taken.append(takeover)

    def open_taken(self, consumer: Consumer) -> None:
        """Let the partitions be read whose ownership was taken since the last call."""
        with self._lock:
            taken, self._taken = self._taken, []
        for takeover in taken:
            anew = self._assignment.begin_anew(takeover)
            if anew:
                consumer.incremental_unassign([partition.topic_partition for partition in anew])
                assign_paused(consumer, anew)
            for partition in self._assignment.own(takeover):
                self._troubles.broken(partition, REFUSAL_HINT)

    def take_back(self, consumer: Consumer) -> None:
        """Begin anew with partitions that ClickHouse says are somebody else's and the group says are this worker's: a
        member that has lost them may have claimed them late, or ClickHouse may have lost its fence table."""
        if self._commits.must_wait:
            return
        fenced = {partition.id: partition for partition in self._assignment.to_take_back()}
        if not fenced:
            return
        assigned = [partition.topic_partition for partition in fenced.values()]
        found = self._rebalance.assigned(consumer, assigned)
        # Only a member of the group can commit: one that has left it and does not know yet must not take anything.
        offsets = [
            TopicPartition(entry.topic, entry.number, entry.position, entry.metadata)
            for entry in found
            if entry.committed is not None
        ]
        if offsets and not self._commits.attempt(consumer, offsets):
            return
        for entry in found:
            entry.fences = fenced[entry.id].fences
        self._assignment.remove(list(fenced))
        consumer.incremental_unassign(assigned)
        self._rebalance.begin(consumer, found)
