"""A partition that the group assigned to this worker, and where it starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import Record, parse_record
from schemas.feed import Feed
from service.kafka.topics import TopicFacts

_REQUEST_SECONDS = 10.0
Reset = Literal["earliest", "latest", "none"]


# Without a word of the broker for so long, nobody knows how far behind a partition is.
_STALE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a fetch was answered with, and the offset that was to be read next."""

    text: str
    code: int
    offset: int


@dataclass(eq=False, slots=True)
class Partition:
    """State of one partition for as long as it is assigned. Written by the reading thread alone, but for what the look
    at the brokers finds: `high`, `high_at` and `refusal`."""

    topic: str
    number: int
    topic_id: str
    position: int  # the first offset that this assignment reads
    committed: int | None  # the group's offset as far as it is known; None: it has none yet
    record: Record | None = None  # what the last owner may have left half stored
    metadata: str = ""  # of the group's offset, as far as it is known
    low: int = 0  # the first offset that the broker held, where the group had not begun to load the partition
    had_offset: bool = False  # whether the group had one when it was assigned
    first_partitions: int | None = None  # as in `Record`
    former_id: str | None = None  # of a topic of that name that was deleted, whose offset the group still had
    state: OwnerState = OwnerState.CLAIMING
    is_paused: bool = True
    error: str | None = None
    high: int | None = None  # the offset that the broker's next message will get
    high_at: float = 0.0  # when the broker said so, on the worker's clock
    fetched_high: int = -1  # what the last fetch said of it
    refusal: Refusal | None = None
    next_offset: int = 0  # the offset after the last message that was read
    newest_timestamp: int = 0  # of the last message that was read, milliseconds since 1970
    fences: int = 0  # how often ClickHouse has named another owner since the group gave it to this worker
    fenced_at: float = 0.0  # when it last did, on the worker's clock
    id: PartitionId = field(init=False)

    def __post_init__(self) -> None:
        self.id = PartitionId(self.topic, self.number)

    @property
    def is_begun(self) -> bool:
        """Whether the group had loaded it before, or somebody said where it shall begin."""
        return self.had_offset and (self.record is None or bool(self.record.progress))

    @property
    def name(self) -> str:
        return str(self.id)

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.number)

    def measured(self, high: int, now: float) -> None:
        """The broker has said where the partition ends."""
        self.high, self.high_at = high, now

    def is_stale(self, now: float) -> bool:
        """Whether the broker has not said for long where the partition ends."""
        return self.high is None or now - self.high_at > _STALE_SECONDS

    @property
    def lag_messages(self) -> int | None:
        """Messages that the broker had when it was last heard and the group has not committed; None until both are
        known."""
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
    consumer: Consumer,
    partitions: list[TopicPartition],
    topics: Mapping[str, TopicFacts],
    resets: Mapping[str, Reset],
    made_again: Collection[str] = (),
) -> list[Partition]:
    """The partitions of an assignment with their starting offsets: the group's, else as `_start` says.

    `made_again` are topics that are known to have been deleted and made again while the group loaded them. Raises
    `KafkaException` when the broker does not answer.
    """
    found = {PartitionId(entry.topic, entry.partition): entry for entry in _committed(consumer, partitions)}
    by_topic: dict[str, list[TopicPartition]] = defaultdict(list)
    for entry in found.values():
        by_topic[entry.topic].append(entry)
    result = []
    for topic, entries in by_topic.items():
        ours = [_begun(entry, topics[topic].topic_id) for entry in entries]
        if any(partition.committed is None for partition in ours):
            facts, is_new = topics[topic], topic in made_again
            first_partitions = 0 if is_new else _first_partitions(consumer, topic, facts, found)
            for partition in ours:
                if partition.committed is None:
                    partition.first_partitions = first_partitions
                    _start(consumer, partition, resets[topic])
        for partition in ours:
            if partition.committed is not None and not partition.is_begun:
                partition.low, _ = _ends(consumer, partition)
            partition.next_offset = partition.position
        result += ours
    return result


def _committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    found = consumer.committed(partitions, timeout=_REQUEST_SECONDS)
    for entry in found:
        if entry.error is not None:
            raise KafkaException(entry.error)
    return found


def _begun(found: TopicPartition, topic_id: str) -> Partition:
    """Where the group's offset says; nowhere yet when it has none, or one of a former topic of that name."""
    record = parse_record(found.metadata, found.offset)
    has_offset = found.offset >= 0
    if has_offset and record is not None and record.topic_id != topic_id:
        return Partition(found.topic, found.partition, topic_id, 0, None, former_id=record.topic_id)
    return Partition(
        found.topic,
        found.partition,
        topic_id,
        found.offset,
        found.offset if has_offset else None,
        record,
        found.metadata or "",
        had_offset=has_offset,
        first_partitions=record.first_partitions if record is not None else None,
    )


def _first_partitions(
    consumer: Consumer, topic: str, facts: TopicFacts, known: Mapping[PartitionId, TopicPartition]
) -> int:
    """How many partitions a topic had when the group began with it: as its offsets say, else as many as there are. 0
    when the group began with a former topic of that name: none of these partitions was there then.

    Workers that begin at the same moment each see a part of the offsets, so that having one says nothing of the others.
    """
    others = [TopicPartition(topic, number) for number in range(facts.partitions) if (topic, number) not in known]
    found = [
        *(entry for partition, entry in known.items() if partition.topic == topic),
        *(_committed(consumer, others) if others else []),
    ]
    counts = []
    for entry in found:
        if entry.offset >= 0:
            record = parse_record(entry.metadata, entry.offset)
            is_known = record is not None and record.topic_id == facts.topic_id
            counts.append((record.first_partitions or 0) if record is not None and is_known else 0)
    return min(counts, default=facts.partitions)


def _start(consumer: Consumer, partition: Partition, reset: Reset) -> None:
    """Where a group without an offset begins: as the topic's reset says with a partition that was there when the group
    began, at the beginning with one that came later, of which nothing was ever loaded or left out.

    Looked up once and written down as a number, so that a worker that stops before its first commit does not skip what
    arrived meanwhile.
    """
    partition.low, high = _ends(consumer, partition)
    came_later = partition.number >= (partition.first_partitions or 0)
    partition.position = high if reset == "latest" and not came_later else partition.low
    if reset == "none" and not came_later:
        partition.error = "the group has no offset for it, and KAFKA_AUTO_OFFSET_RESET is `none`"


def _ends(consumer: Consumer, partition: Partition) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(partition.topic_partition, timeout=_REQUEST_SECONDS)
    return low, high
