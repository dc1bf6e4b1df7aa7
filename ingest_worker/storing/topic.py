"""A topic as the broker holds it: partitions, offsets and messages, asked without joining the group."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from ingest_worker.storing.messages import Run, partition_errors, runs_of
from ingest_worker.storing.ranges import OffsetRange
from ingest_worker.storing.record import Record, parse_record
from schemas.feed import Feed
from service.errors import OffsetsGoneError, ServerError
from service.kafka.config import ClientConfig
from service.kafka.consumer_config import consumer_config
from service.kafka.password import opened
from service.kafka.topics import id_text
from service.kafka.trouble import Trouble, hint_for, reach, why

REACH_SECONDS = 5.0
"""How long brokers that nothing refuses us may be looked for."""
ANSWER_SECONDS = 30.0
SILENCE_SECONDS = 60.0
"""How long nothing may come of messages that the broker says it has."""

_REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED
_QUEUE_BYTES = 32 * 1024 * 1024
_MESSAGES_A_CALL = 1_000
_CALL_SECONDS = 0.1
# A hole of as many offsets is read through: to ask for another place costs about as much.
_READ_THROUGH = 20_000


@dataclass(frozen=True, slots=True)
class Held:
    """What Kafka says of one partition: it holds offsets from `low` up to, not including, `high`. `committed` is the
    group's offset, None without one, `record` what the worker wrote beside it; `start` is where a look begins."""

    partition: int
    low: int
    high: int
    committed: int | None
    start: int = 0
    record: Record | None = None


class TopicView:
    """The topic of a feed and what the feed's group has committed of it.

    Every method raises `ServerError` when the brokers do not answer.
    """

    def __init__(self, config: ClientConfig, feed: Feed) -> None:
        self._feed = feed
        # What librdkafka says of its connections is one error of ours, and no lines beside it.
        self._trouble = Trouble()
        quiet = self._trouble.options()
        self._admin = opened(AdminClient, {**config, **quiet})
        own = consumer_config(config, feed.group_id, _QUEUE_BYTES, lambda _: None)
        self._consumer = opened(Consumer, {**own, **quiet, "enable.partition.eof": True})

    def __enter__(self) -> Self:
        if (reason := reach(self._admin, self._trouble, REACH_SECONDS)) is not None:
            self._consumer.close()
            raise ServerError(f"Kafka cannot be reached: {reason}", hint_for(reason))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def topic_id(self) -> str | None:
        """None when there is no such topic."""
        try:
            described = self._admin.describe_topics(
                TopicCollection([self._feed.topic]), request_timeout=ANSWER_SECONDS
            )[self._feed.topic].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise self._no_answer(error) from error
        return id_text(described.topic_id)

    def partitions(self) -> list[int]:
        """Their numbers; none when there is no such topic."""
        topics = self._asked(lambda: self._consumer.list_topics(self._feed.topic, timeout=ANSWER_SECONDS)).topics
        topic = topics.get(self._feed.topic)
        if topic is not None and topic.error is not None and topic.error.code() == _REFUSED:
            raise self._no_answer(KafkaException(topic.error))
        return sorted(topic.partitions) if topic else []

    def held(self, partitions: Sequence[int], since: datetime | None = None) -> list[Held]:
        """`since`: where the first message of that time or later is; at the end without one, at 0 without a time."""
        places = [TopicPartition(self._feed.topic, number) for number in partitions]
        # The commit before the ends: an end that is read later is never behind it.
        committed = self._asked(lambda: self._consumer.committed(places, timeout=ANSWER_SECONDS))
        if failure := next((mark.error for mark in committed if mark.error is not None), None):
            raise self._no_answer(KafkaException(failure))
        ends = [self._ends_behind(mark) for mark in committed]
        starts = [0 for _ in places] if since is None else self.offsets_at(partitions, since)
        return [
            Held(
                partition=place.partition,
                low=low,
                high=high,
                committed=mark.offset if mark.offset >= 0 else None,
                start=high if start is None else start,
                record=parse_record(mark.metadata, mark.offset) if mark.offset >= 0 else None,
            )
            for place, mark, (low, high), start in zip(places, committed, ends, starts, strict=True)
        ]

    def records(self, partitions: Sequence[int]) -> dict[int, Record | None]:
        """What the group's workers wrote beside their last commit of each partition."""
        places = [TopicPartition(self._feed.topic, number) for number in partitions]
        marks = self._asked(lambda: self._consumer.committed(places, timeout=ANSWER_SECONDS))
        if failure := next((mark.error for mark in marks if mark.error is not None), None):
            raise self._no_answer(KafkaException(failure))
        return {
            mark.partition: parse_record(mark.metadata, mark.offset) if mark.offset >= 0 else None for mark in marks
        }

    def ends(self, partition: int) -> tuple[int, int]:
        """The first offset that the broker holds, and the one that its next message will get."""
        place = TopicPartition(self._feed.topic, partition)
        low, high = self._asked(lambda: self._consumer.get_watermark_offsets(place, ANSWER_SECONDS, cached=False))
        return int(low), int(high)

    def _ends_behind(self, committed: TopicPartition) -> tuple[int, int]:
        """The ends, where a group may have read more than the broker tells: the embedded one tells the end of its last
        batch as if that held one message. What it gives out it holds."""
        low, high = self.ends(committed.partition)
        if committed.offset <= high:
            return low, high
        last = committed.offset - 1
        try:
            is_held = any(True for _ in self.read(committed.partition, [OffsetRange(last, last)]))
        except OffsetsGoneError:
            is_held = False
        return low, committed.offset if is_held else high

    def offsets_at(self, partitions: Sequence[int], moment: datetime) -> list[int | None]:
        """Of each partition the offset of its first message of that time or later, None when there is none."""
        milliseconds = int(moment.timestamp() * 1000)
        asked = [TopicPartition(self._feed.topic, number, milliseconds) for number in partitions]
        found = self._asked(lambda: self._consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS))
        return [place.offset if place.offset >= 0 else None for place in found]

    def commit(self, offsets: Sequence[TopicPartition]) -> None:
        """Set the group's offsets with their metadata. Raises `KafkaException`, which brokers answer with while the
        group has members."""
        for result in self._consumer.commit(offsets=list(offsets), asynchronous=False) or []:
            if result.error is not None:
                raise KafkaException(result.error)

    def is_compacted(self) -> bool:
        """Whether the topic's `cleanup.policy` lets the broker drop messages in between; without one it does not."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, self._feed.topic)
        entries = self._asked(lambda: self._admin.describe_configs([resource])[resource].result(ANSWER_SECONDS))
        policy = entries.get("cleanup.policy")
        return policy is not None and "compact" in str(policy.value)

    def read(self, partition: int, ranges: Iterable[OffsetRange]) -> Iterator[Run]:
        """The messages at the offsets of rising `ranges`, in order, none of a run beyond its range.

        Raises `OffsetsGoneError` when the broker drops what is asked for meanwhile.
        """
        for window in _windows(ranges):
            yield from self._read_window(partition, window)

    def _read_window(self, partition: int, window: Sequence[OffsetRange]) -> Iterator[Run]:
        first, last = window[0].first, window[-1].last
        firsts = [entry.first for entry in window]
        self._consumer.assign([TopicPartition(self._feed.topic, partition, first)])
        heard = time.monotonic()
        try:
            position = first
            while position <= last:
                received = self._asked(lambda: self._consumer.consume(_MESSAGES_A_CALL, _CALL_SECONDS))
                messages, failures = partition_errors(received)
                if messages:
                    heard = time.monotonic()
                    position = (messages[-1].offset() or 0) + 1
                    for run in self._runs(messages):
                        yield from _parts(run, firsts, window)
                if self._has_ended(partition, first, failures):
                    return
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise ServerError(
                        f"Kafka gives no message of {self._feed.topic}/{partition} from offset {position} on",
                        "a transaction that never ends keeps readers waiting",
                    )
        finally:
            self._consumer.unassign()

    def _runs(self, messages: Sequence[Message]) -> Iterator[Run]:
        return runs_of(messages, with_keys=self._feed.store_key, with_headers=self._feed.store_headers)

    def _has_ended(self, partition: int, first: int, failures: Iterable[Message]) -> bool:
        """Whether the partition's end is among them. Raises for any other."""
        for message in failures:
            error = message.error()
            assert error is not None
            if error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise OffsetsGoneError(self._feed.topic, partition, first)
            if error.code() != KafkaError._PARTITION_EOF:
                raise self._no_answer(KafkaException(error))
            return True
        return False

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except KafkaException as error:
            raise self._no_answer(error) from error

    def _no_answer(self, error: KafkaException) -> ServerError:
        reason = why(self._admin, self._trouble, error)
        code = error.args[0].code() if error.args and isinstance(error.args[0], KafkaError) else 0
        return ServerError(f"Kafka {'refuses' if code > 0 else 'does not answer'}: {reason}", hint_for(reason))


def _windows(ranges: Iterable[OffsetRange]) -> Iterator[list[OffsetRange]]:
    """Ranges that are read in one go."""
    window: list[OffsetRange] = []
    for wanted in ranges:
        if window and wanted.first - window[-1].last > _READ_THROUGH:
            yield window
            window = []
        window.append(wanted)
    if window:
        yield window


def _parts(run: Run, firsts: Sequence[int], window: Sequence[OffsetRange]) -> Iterator[Run]:
    """What of a run lies in the window's ranges."""
    rest: Run | None = run
    while rest is not None:
        index = bisect_right(firsts, rest.offsets[0]) - 1
        if index >= 0 and rest.offsets[0] <= window[index].last:
            part, rest = rest.cut(bisect_right(rest.offsets, window[index].last))
            if part is not None:
                yield part
        elif index + 1 < len(firsts):
            _, rest = rest.cut(bisect_right(rest.offsets, firsts[index + 1] - 1))
        else:
            return
