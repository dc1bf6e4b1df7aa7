"""Commits what the inserters have stored, and records what is to be sent, until the group knows this member no more."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, TopicPartition

from ingest_worker.errors import OwnershipLostError
from ingest_worker.observing.consuming import CommitFailed, OffsetsCommitted
from ingest_worker.pipeline.source.kafka_calls import commit_error
from ingest_worker.pipeline.source.session import Session

# Codes by which a broker says that this member is not part of the group any more.
STALE = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID, KafkaError._ASSIGNMENT_LOST})
# Codes that also come while the group is only moving to its next generation, which this member is part of: a commit
# on the way then carries the generation before. So they are repeated, for as long as a broker keeps a silent member;
# meanwhile it is the fence in ClickHouse that refuses the inserts of a member that really is out.
UNSETTLED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)
_SETTLE_SECONDS = 45.0  # session.timeout.ms of librdkafka and of brokers, by default
_UNSETTLED_RETRY_SECONDS = 0.1
_COMMIT_RETRY_SECONDS = 1.0


class Commits:
    """All on the thread that reads."""

    def __init__(self, session: Session) -> None:
        self._group = session.subscription.group
        self._assignment = session.assignment
        self._watch = session.watch
        self._membership = session.membership
        self._observe = session.context.observe
        self._clock = session.context.clock
        self._not_before = 0.0
        self._unsettled_since: float | None = None

    @property
    def must_wait(self) -> bool:
        """Whether a commit was refused so shortly ago that none is to be tried."""
        return self._clock() < self._not_before

    def commit(self, consumer: Consumer) -> None:
        """Commit what has moved and record what is to be sent, unless it must wait.

        Raises `OwnershipLostError` when the group does not know this member any more.
        """
        if self.must_wait:
            return
        commits = self._assignment.to_commit()
        if unconfirmed := self._assignment.unconfirmed():
            self._watch.wake(unconfirmed)  # asked while the commit is on its way, so that neither waits for the other
        if not commits:
            return
        offsets = [
            TopicPartition(entry.partition.topic, entry.partition.number, entry.position, entry.metadata)
            for entry in commits
        ]
        if self.attempt(consumer, offsets):
            self._assignment.committed(commits)
            self._observe(OffsetsCommitted(self._group, {entry.partition.name: entry.position for entry in commits}))

    def commit_at_once(self, consumer: Consumer) -> None:
        """As `commit`, also shortly after one that was refused: there will be no other."""
        self._not_before = 0.0
        self.commit(consumer)

    def attempt(self, consumer: Consumer, offsets: list[TopicPartition]) -> bool:
        """Commit these; False when that may be repeated after a while. Raises `OwnershipLostError` when it may not."""
        error = commit_error(consumer, offsets)
        if error is None:
            self._unsettled_since = None
            self._membership.committed()
            return True
        if error.code() in STALE or (error.code() in UNSETTLED and not self._may_settle()):
            raise OwnershipLostError(f"a commit was refused: {error.str()}")
        if error.code() not in UNSETTLED:
            self._membership.commit_refused(error.str())
        delay = _UNSETTLED_RETRY_SECONDS if error.code() in UNSETTLED else _COMMIT_RETRY_SECONDS
        self._not_before = self._clock() + delay
        self._observe(CommitFailed(self._group, error.str(), delay))
        return False

    def _may_settle(self) -> bool:
        """Whether the group has been unsettled for no longer than a rebalance may take."""
        if self._unsettled_since is None:
            self._unsettled_since = self._clock()
        return self._clock() - self._unsettled_since < _SETTLE_SECONDS
