"""What goes wrong with topics and partitions while they are read: said, waited for, or the end of the consumer."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from ingest_worker.errors import SourceError, TopicReplacedError
from ingest_worker.observing.consuming import KafkaTroubled
from ingest_worker.observing.partitions import PartitionBroken
from ingest_worker.observing.topics import TopicGone
from ingest_worker.pipeline.source.session import Session
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.takeover.partition import Partition, Refusal

# Codes that a broker answers with when it has no topic of that name or id any more.
_TOPIC_UNKNOWN = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID, KafkaError.INCONSISTENT_TOPIC_ID}
)
_OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_OUT_OF_RANGE_HINT = (
    "the broker does not hold the group's offset (retention, or its log was cut); events may be missing."
    " Set the group's offset with kafka-consumer-groups, then start the worker again"
)


class Troubles:
    """All on the thread that reads."""

    def __init__(self, session: Session) -> None:
        self._group = session.subscription.group
        self._topics = session.subscription.topics
        self._assignment = session.assignment
        self._watch = session.watch
        self._membership = session.membership
        self._observe = session.context.observe

    def follow_topics(self) -> None:
        """Stop reading what does not exist any more. Raises `TopicReplacedError` where another topic has the name."""
        changed = self._watch.changed
        if not changed and not self._assignment.gone:
            return
        for topic, facts in changed.items():
            if facts is not None:
                raise TopicReplacedError(f"there is another topic `{topic}` now")
            if topic not in self._assignment.gone:
                self._observe(TopicGone(self._group, topic))
        # It may be a broker that does not know its topics yet: what was read is kept, and is of the topic if that is
        # seen again under its id.
        self._assignment.gone = frozenset(changed)

    def handle(self, message: Message) -> None:
        """A message that holds an error and no event. Raises `SourceError` when only a new consumer helps."""
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return
        if error.fatal():
            raise SourceError(error.str())
        topic, number = message.topic(), message.partition()
        partition = self._assignment.partitions.get(PartitionId(topic or "", -1 if number is None else number))
        if error.code() in _OUT_OF_RANGE and partition is not None:
            self._end_out_of_range(partition, error)
            return
        if error.code() in _TOPIC_UNKNOWN and topic is not None and topic in self._topics:
            self._watch.wake([topic])
            return
        if partition is not None:
            partition.refusal = Refusal(error.str(), error.code(), partition.next_offset)
        else:
            self._membership.troubled(error.str())
        self._observe(KafkaTroubled(self._group, error.str()))

    def broken(self, partition: Partition, hint: str) -> None:
        """Say that a partition is read no more; the others go on."""
        message = partition.error or ""
        self._observe(PartitionBroken(self._group, partition.topic, partition.number, message, hint))

    def _end_out_of_range(self, partition: Partition, error: KafkaError) -> None:
        # A topic that was made again is shorter for a while: then it is not the offset that is wrong.
        self._watch.look([partition.topic])
        self.follow_topics()
        if partition.topic not in self._assignment.gone:
            partition.error = error.str()
            self.broken(partition, _OUT_OF_RANGE_HINT)
