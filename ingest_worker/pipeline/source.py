"""The consumer of one group: reads, never inserts, and commits what the inserters have stored."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest_worker.errors import OwnershipLostError, SourceError, TopicReplacedError
from ingest_worker.observing.consuming import CommitFailed, KafkaTroubled, OffsetsCommitted, SourceTimed
from ingest_worker.observing.observations import Observer
from ingest_worker.observing.partitions import PartitionBroken, PartitionsAssigned, PartitionsLost, PartitionsRevoked
from ingest_worker.observing.topics import TopicGone, TopicReplaced
from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.kafka_calls import commit_error, told
from ingest_worker.storing.messages import partition_errors, runs_of
from ingest_worker.storing.places import Place
from ingest_worker.takeover.handover import REFUSAL_HINT
from ingest_worker.takeover.partition import Partition, Refusal, Reset, assigned
from ingest_worker.takeover.request import Takeover
from ingest_worker.watching.topic_watch import TopicWatch
from service.deadline import Deadline
from service.kafka.password import opened
from service.kafka.topics import TopicFacts

# Larger calls are slower: their messages no longer fit the processor's cache.
_MESSAGES_A_CALL = 1000
# How long a call waits to fill up, which is also how late a finished insert is noticed and committed.
_CALL_SECONDS = 0.05
_COMMIT_RETRY_SECONDS = 1.0
# A paused partition that is resumed brings nothing for up to a second, and what was fetched ahead is thrown away. So
# while nobody else could read anyway, a full buffer is waited for this long before anything is paused.
_HOLD_SECONDS = 1.0
_HOLD_STEP_SECONDS = 0.01
_WAKE_SECONDS, _WAKE_STEP_SECONDS = 0.1, 0.01
_MEASURE_SECONDS = 1.0
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
# Codes that a broker answers with when it has no topic of that name or id any more.
_TOPIC_UNKNOWN = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID, KafkaError.INCONSISTENT_TOPIC_ID}
)
# A refusal that is not said again for so long, by a member that has joined, is over.
_TROUBLE_SECONDS = 60.0
_OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_OUT_OF_RANGE_HINT = (
    "the broker does not hold the group's offset (retention, or its log was cut); events may be missing."
    " Set the group's offset with kafka-consumer-groups, then start the worker again"
)
_NO_OFFSET_HINT = (
    "set the group's offset with kafka-consumer-groups while no worker runs, or, where it has none,"
    " KAFKA_AUTO_OFFSET_RESET to `earliest` or `latest`"
)

ClaimPartitions = Callable[[Sequence[Partition]], None]


_open_consumer = partial(opened, Consumer)


class Source:
    """One consumer, from joining the group to leaving it. Everything but `taken` runs on the thread of `run`.

    `topics` are those that are subscribed to, None for one that does not exist; `watch`, which others run, says when
    they are no longer what they were, and `made_again` names those of which the group loaded a former one.
    `claim` is asked, without blocking, to take ownership of newly assigned partitions, which stay paused until
    `taken` is called for them.
    """

    def __init__(
        self,
        *,
        group: str,
        topics: Mapping[str, TopicFacts | None],
        watch: TopicWatch,
        resets: Mapping[str, Reset],
        config: Mapping[str, Any],
        assignment: Assignment,
        claim: ClaimPartitions,
        observe: Observer,
        drain_seconds: float,
        wants_keys: bool = False,
        wants_headers: bool = False,
        made_again: Collection[str] = (),
        create_consumer: Callable[[dict[str, Any]], Consumer] = _open_consumer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group = group
        self._topics = topics
        self._watch = watch
        self._made_again = made_again
        self._only_topic = next(iter(topics)) if len(topics) == 1 else None
        self._resets = resets
        self._config = config
        self._assignment = assignment
        self._claim = claim
        self._observe = observe
        self._drain_seconds = drain_seconds
        self._wants_keys = wants_keys
        self._wants_headers = wants_headers
        self._create_consumer = create_consumer
        self._clock = clock
        self._taken: list[Takeover] = []
        self._taken_lock = threading.Lock()
        self._deadline: Deadline | None = None
        self._is_failed = False
        self._commit_after = 0.0
        self._unsettled_since: float | None = None
        self._measure_after = 0.0
        self._spent: dict[str, float] = defaultdict(float)  # seconds by step, not told yet
        self._full_since: float | None = None
        self._trouble: tuple[str, float] | None = None  # what the group was refused, and when
        self._commit_error: str | None = None
        self.has_joined = False
        self.turned_at = clock()

    def refused_because(self) -> str | None:
        """What the brokers refuse to this member as far as it is known. May be called from any thread."""
        trouble = self._trouble
        if trouble is not None and (not self.has_joined or self._clock() - trouble[1] < _TROUBLE_SECONDS):
            return trouble[0]
        return f"commits are refused: {self._commit_error}" if self._commit_error is not None else None

    def taken(self, takeover: Takeover) -> None:
        """Ownership of partitions was taken. Called from another thread."""
        with self._taken_lock:
            self._taken.append(takeover)

    def run(self, stop: threading.Event, deadline: Callable[[], Deadline]) -> bool:
        """Serve until `stop`, then store and commit what was read within `deadline()` and leave the group.

        Says whether all of it was stored. Raises `SourceError` or `KafkaException` when only a new consumer helps;
        nothing that was not committed by then ever will be by this one.
        """
        consumer = self._create_consumer(dict(self._config))
        try:
            consumer.subscribe(
                list(self._topics),
                on_assign=told(self._on_assign),
                on_revoke=told(self._on_revoke),
                on_lost=told(self._on_lost),
            )
            while not stop.is_set():
                self._turn(consumer)
            self._deadline = deadline()
            return self._drain(consumer)
        except BaseException:
            self._is_failed = True
            raise
        finally:
            self.has_joined = False
            try:
                consumer.close()
            finally:
                self._give_up("the consumer was closed")

    # One turn of the loop.

    def _turn(self, consumer: Consumer) -> None:
        self.turned_at = self._clock()
        if self._watch.changed or self._assignment.gone:
            self._follow_topics()
        self._open_taken(consumer)
        if self._must_hold():
            with self._timed("hold"):
                time.sleep(_HOLD_STEP_SECONDS)
                self._commit(consumer)
            return
        self._switch(consumer)
        self._take_back(consumer)
        with self._timed("consume"):
            messages = consumer.consume(_MESSAGES_A_CALL, timeout=_CALL_SECONDS)
        with self._timed("take in"):
            self._take_in(consumer, messages)
        with self._timed("commit"):
            self._commit(consumer)
        self._measure(consumer)

    def _follow_topics(self) -> None:
        """Stop reading what does not exist any more. Raises `TopicReplacedError` where another topic has the name."""
        changed = self._watch.changed
        for topic, facts in changed.items():
            if facts is not None:
                raise TopicReplacedError(f"there is another topic `{topic}` now")
            if topic not in self._assignment.gone:
                self._observe(TopicGone(self._group, topic))
        # It may be a broker that does not know its topics yet: what was read is kept, and is of the topic if that is
        # seen again under its id.
        self._assignment.gone = frozenset(changed)

    def _take_back(self, consumer: Consumer) -> None:
        """Begin anew with partitions that ClickHouse says are somebody else's and the group says are this worker's: a
        member that has lost them may have claimed them late, or ClickHouse may have lost its fence table."""
        if self._clock() < self._commit_after:
            return
        fenced = {partition.place: partition for partition in self._assignment.to_take_back()}
        if not fenced:
            return
        places = [partition.topic_partition for partition in fenced.values()]
        found = self._assigned(consumer, places)
        # Only a member of the group can commit: one that has left it and does not know yet must not take anything.
        offsets = [
            TopicPartition(entry.topic, entry.number, entry.position, entry.metadata)
            for entry in found
            if entry.committed is not None
        ]
        if offsets and not self._try_to_commit(consumer, offsets):
            return
        for entry in found:
            entry.fences = fenced[entry.place].fences
        self._assignment.remove(list(fenced))
        consumer.incremental_unassign(places)
        self._begin(consumer, found)

    def _must_hold(self) -> bool:
        if not self._assignment.is_full:
            self._full_since = None
            return False
        if self._full_since is None:
            self._full_since = self._clock()
        return self._clock() - self._full_since < _HOLD_SECONDS

    def _open_taken(self, consumer: Consumer) -> None:
        with self._taken_lock:
            taken, self._taken = self._taken, []
        for takeover in taken:
            anew = self._assignment.begin_anew(takeover)
            if anew:
                consumer.incremental_unassign([partition.topic_partition for partition in anew])
                self._assign_paused(consumer, anew)
            for partition in self._assignment.own(takeover):
                self._broken(partition, REFUSAL_HINT)

    def _switch(self, consumer: Consumer) -> None:
        pause, resume = self._assignment.to_switch()
        if pause:
            consumer.pause([partition.topic_partition for partition in pause])
        if resume:
            consumer.resume([partition.topic_partition for partition in resume])
            self._wake(consumer, resume)

    def _wake(self, consumer: Consumer, resumed: Sequence[Partition]) -> None:
        """Have resumed partitions fetched at once.

        librdkafka's thread for a broker that it may fetch nothing from sleeps for up to a second, and a resume does not
        wake it; any request to that broker does. It is the request that counts, so the answer is hardly waited for.
        """
        until = self._clock() + _WAKE_SECONDS
        for partition in resumed:
            if self._clock() >= until:
                return  # the others begin within the second
            with suppress(KafkaException):
                consumer.get_watermark_offsets(partition.topic_partition, timeout=_WAKE_STEP_SECONDS)

    def _take_in(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        events, errors = partition_errors(messages)
        for message in errors:
            self._handle(message)
        for run in runs_of(
            events, only_topic=self._only_topic, with_keys=self._wants_keys, with_headers=self._wants_headers
        ):
            if not self._assignment.take(run):
                # Pausing throws fetched messages away, so this hardly happens; but a skipped message would be lost.
                consumer.seek(TopicPartition(run.topic, run.partition, run.offsets[0]))

    def _handle(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() == KafkaError._PARTITION_EOF:
            return
        if error.fatal():
            raise SourceError(error.str())
        topic, number = message.topic(), message.partition()
        partition = self._assignment.partitions.get((topic or "", -1 if number is None else number))
        if error.code() in _OUT_OF_RANGE and partition is not None:
            # A topic that was made again is shorter for a while: then it is not the offset that is wrong.
            self._watch.look([partition.topic])
            self._follow_topics()
            if partition.topic not in self._assignment.gone:
                partition.error = error.str()
                self._broken(partition, _OUT_OF_RANGE_HINT)
            return
        if error.code() in _TOPIC_UNKNOWN and topic is not None and topic in self._topics:
            self._watch.wake([topic])
            return
        if partition is not None:
            partition.refusal = Refusal(error.str(), error.code(), partition.next_offset)
        else:
            self._trouble = (error.str(), self._clock())
        self._observe(KafkaTroubled(self._group, error.str()))

    def _broken(self, partition: Partition, hint: str) -> None:
        message = partition.error or ""
        self._observe(PartitionBroken(self._group, partition.topic, partition.number, message, hint))

    def _measure(self, consumer: Consumer) -> None:
        if self._clock() < self._measure_after:
            return
        self._measure_after = self._clock() + _MEASURE_SECONDS
        for step, seconds in self._spent.items():
            self._observe(SourceTimed(step, seconds))
        self._spent.clear()
        for partition in self._assignment.partitions.values():
            # Cached: what the last fetch said, no request.
            marks = consumer.get_watermark_offsets(partition.topic_partition, cached=True)
            if marks is not None and marks[1] >= 0 and marks[1] != partition.fetched_high:
                partition.fetched_high = marks[1]
                partition.measured(marks[1], self._clock())

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        started = self._clock()
        yield
        self._spent[step] += self._clock() - started

    # Commits.

    def _commit(self, consumer: Consumer) -> None:
        """Commit what has moved and record what is to be sent.

        Raises `OwnershipLostError` when the group does not know this member any more.
        """
        if self._clock() < self._commit_after:
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
        if self._try_to_commit(consumer, offsets):
            self._assignment.committed(commits)
            self._observe(OffsetsCommitted(self._group, {entry.partition.name: entry.position for entry in commits}))

    def _try_to_commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> bool:
        """Commit; False when that may be repeated after a while. Raises `OwnershipLostError` when it may not."""
        error = commit_error(consumer, offsets)
        if error is None:
            self._unsettled_since = self._commit_error = self._trouble = None
            return True
        if error.code() in STALE or (error.code() in UNSETTLED and not self._may_settle()):
            raise OwnershipLostError(f"a commit was refused: {error.str()}")
        if error.code() not in UNSETTLED:
            self._commit_error = error.str()
        delay = _UNSETTLED_RETRY_SECONDS if error.code() in UNSETTLED else _COMMIT_RETRY_SECONDS
        self._commit_after = self._clock() + delay
        self._observe(CommitFailed(self._group, error.str(), delay))
        return False

    def _may_settle(self) -> bool:
        """Whether the group has been unsettled for no longer than a rebalance may take."""
        if self._unsettled_since is None:
            self._unsettled_since = self._clock()
        return self._clock() - self._unsettled_since < _SETTLE_SECONDS

    # What the group decides. librdkafka calls these from within `consume` and `close`.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        added = self._assigned(consumer, partitions) if partitions else []
        self.has_joined, self._trouble = True, None
        self._observe(PartitionsAssigned(self._group, tuple(entry.name for entry in added)))
        self._begin(consumer, added)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[Partition]:
        topics = {topic: facts for topic, facts in self._topics.items() if facts is not None}
        for topic in {entry.topic for entry in partitions} - topics.keys():
            raise TopicReplacedError(f"there is a topic `{topic}` now")
        found = assigned(consumer, partitions, topics, self._resets, self._made_again)
        former = {entry.topic: entry.former_id for entry in found if entry.former_id is not None}
        for topic in former.keys() - set(self._made_again):
            self._observe(TopicReplaced(self._group, topic, former[topic], topics[topic].topic_id))
        return found

    def _begin(self, consumer: Consumer, added: list[Partition]) -> None:
        """Have these partitions taken over, paused until they are."""
        self._assign_paused(consumer, added)
        self._assignment.add(added)
        for entry in added:
            if entry.error is not None:
                self._broken(entry, _NO_OFFSET_HINT)
        if added:
            self._claim(added)

    @staticmethod
    def _assign_paused(consumer: Consumer, partitions: Sequence[Partition]) -> None:
        starts = [TopicPartition(entry.topic, entry.number, entry.position) for entry in partitions]
        consumer.incremental_assign(starts)
        if starts:
            consumer.pause(starts)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Finish what is being inserted, commit it, let go. What only waits is left to the next owner, who is
        waiting for this to end."""
        places = _places(partitions)
        self._assignment.drop_waiting(places)
        deadline = self._deadline or Deadline.after(self._drain_seconds, self._clock)
        drained = not self._is_failed and self._assignment.wait_until_idle(places, deadline)
        if not self._is_failed:
            self._commit_after = 0.0
            try:
                self._commit(consumer)
            except OwnershipLostError as error:
                self._observe(CommitFailed(self._group, str(error), 0.0))
        self._assignment.remove(places)
        consumer.incremental_unassign(partitions)
        self._observe(PartitionsRevoked(self._group, _names(places), drained))

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = _places(partitions)
        self._assignment.remove(places)
        consumer.incremental_unassign(partitions)
        self._observe(PartitionsLost(self._group, _names(places), "the group gave them to others"))

    def _give_up(self, reason: str) -> None:
        left = list(self._assignment.partitions)
        if left:
            self._assignment.remove(left)
            self._observe(PartitionsLost(self._group, _names(left), reason))

    # Leaving.

    def _drain(self, consumer: Consumer) -> bool:
        """Let the inserters finish everything, still answering the group meanwhile."""
        assert self._deadline is not None
        if self._assignment.partitions:
            consumer.pause([partition.topic_partition for partition in self._assignment.partitions.values()])
        self._assignment.flush()
        while not self._assignment.is_idle and not self._deadline.is_over:
            self.turned_at = self._clock()
            for message in consumer.consume(1, timeout=self._deadline.at_most(_CALL_SECONDS)):
                self._handle(message)
            self._commit(consumer)
        drained = self._assignment.is_idle
        self._commit_after = 0.0
        self._commit(consumer)
        return drained


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return [(partition.topic, partition.partition) for partition in partitions]


def _names(places: Iterable[Place]) -> tuple[str, ...]:
    return tuple(f"{topic}/{number}" for topic, number in places)
