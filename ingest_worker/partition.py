"""A partition that the group assigned to this worker, and where it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ingest_worker.buffer import Place
from ingest_worker.ownership import OwnerState
from ingest_worker.record import Record, parse_record
from schemas.feed import Feed

_REQUEST_SECONDS = 10.0
Reset = Literal["earliest", "latest", "none"]


@dataclass(eq=False, slots=True)
class Partition:
    """State of one partition for as long as it is assigned. Written by the reading thread alone."""

    topic: str
    number: int
    topic_id: str
    position: int  # the first offset that this assignment reads
    committed: int | None  # the group's offset as far as it is known; None: it has none yet
    record: Record | None = None  # what the last owner may have left half stored
    metadata: str = ""  # of the group's offset, as far as it is known
    state: OwnerState = OwnerState.CLAIMING
    is_paused: bool = True
    error: str | None = None
    high: int | None = None  # the offset that the broker's next message will get
    next_offset: int = 0  # the offset after the last message that was read
    newest_timestamp: int = 0  # of the last message that was read, milliseconds since 1970
    fences: int = 0  # how often ClickHouse has named another owner since the group gave it to this worker
    fenced_at: float = 0.0  # when it last did, on the worker's clock

    @property
    def place(self) -> Place:
        return self.topic, self.number

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.number}"

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.number)

    @property
    def lag_messages(self) -> int | None:
        """Messages that the broker has and the group has not committed; None until both are known."""
        if self.high is None:
            return None
        return max(0, self.high - (self.position if self.committed is None else self.committed))

    def lag_seconds(self, now: float, oldest_waiting: int | None) -> float | None:
        """The age of the oldest event that is not stored: `oldest_waiting` milliseconds when one waits here,
        at most that of the newest that was read otherwise. 0 when there is no lag."""
        if self.lag_messages is None:
            return None
        timestamp = oldest_waiting or self.newest_timestamp
        return max(0.0, now - timestamp / 1000) if self.lag_messages and timestamp > 0 else 0.0


def reset_of(feeds: Iterable[Feed]) -> Reset:
    """Where a group without offsets starts a topic that several feeds may share: as early as any of them wants."""
    wanted = {feed.auto_offset_reset for feed in feeds}
    order: tuple[Reset, ...] = ("earliest", "latest", "none")
    return next(reset for reset in order if reset in wanted)


def assigned(
    consumer: Consumer, partitions: list[TopicPartition], topic_ids: Mapping[str, str], resets: Mapping[str, Reset]
) -> list[Partition]:
    """The partitions of an assignment with their starting offsets: the group's, else as the topic's reset says.

    The start is looked up once and written down as a number, so that a worker that stops before its first
    commit does not skip what arrived meanwhile. Raises `KafkaException` when the broker does not answer.
    """
    result = []
    for found in consumer.committed(partitions, timeout=_REQUEST_SECONDS):
        if found.error is not None:
            raise KafkaException(found.error)
        partition = Partition(found.topic, found.partition, topic_ids[found.topic], found.offset, found.offset)
        partition.metadata = found.metadata or ""
        partition.record = parse_record(found.metadata, found.offset)
        if partition.record is not None and partition.record.topic_id != partition.topic_id:
            partition.error = "the topic was deleted and made again: the group's offset is of the former one"
        if found.offset < 0:
            partition.committed = None
            low, high = consumer.get_watermark_offsets(partition.topic_partition, timeout=_REQUEST_SECONDS)
            reset = resets[found.topic]
            partition.position = high if reset == "latest" else low
            if reset == "none":
                partition.error = "the group has no offset for it, and KAFKA_AUTO_OFFSET_RESET is `none`"
        partition.next_offset = partition.position
        result.append(partition)
    return result
