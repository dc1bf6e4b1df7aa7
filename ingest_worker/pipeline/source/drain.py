"""How a consumer ends that is told to stop: what it has read is stored and committed first."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import Consumer

from ingest_worker.pipeline.source.commits import Commits
from ingest_worker.pipeline.source.session import Session
from ingest_worker.pipeline.source.troubles import Troubles
from service.deadline import Deadline

# How long a call that keeps the consumer in its group waits, which is also how late a finished insert is noticed.
_CALL_SECONDS = 0.05


class Drain:
    """Runs on the thread that reads. `turned` is told each time that the loop turns."""

    def __init__(self, session: Session, commits: Commits, troubles: Troubles, turned: Callable[[], None]) -> None:
        self._assignment = session.assignment
        self._commits = commits
        self._troubles = troubles
        self._turned = turned

    def run(self, consumer: Consumer, deadline: Deadline) -> bool:
        """Let the inserters finish everything, still answering the group meanwhile. Says whether they did."""
        if self._assignment.partitions:
            consumer.pause([partition.topic_partition for partition in self._assignment.partitions.values()])
        self._assignment.flush()
        while not self._assignment.is_idle and not deadline.is_over:
            self._turned()
            for message in consumer.consume(1, timeout=deadline.at_most(_CALL_SECONDS)):
                self._troubles.handle(message)
            self._commits.commit(consumer)
        drained = self._assignment.is_idle
        self._commits.commit_at_once(consumer)
        return drained
