"""The messages of one data source between reading and storing: filled by one thread, emptied by the inserters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.partition_queue import Load, PartitionQueue
from ingest_worker.pipeline.sealing import Rhythm, Situation, due
from ingest_worker.storing.batch import Batch, Limits, Origin
from ingest_worker.storing.delivery import BatchScale, Decision
from ingest_worker.storing.messages import Run
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import Cut, FeedProgress, ResumePoint
from service.deadline import Deadline


@dataclass(frozen=True, slots=True)
class InFlightBatch:
    """A batch that an inserter took, and the queue it came from."""

    queue: PartitionQueue
    batch: Batch


@dataclass(frozen=True, slots=True)
class Stall:
    """Why inserts of a data source fail until somebody mends the cause; `view` is the one that fails, if it is one."""

    reason: str
    view: str | None = None


class Buffer:
    """All methods may be called from any thread. Only `take`, `wait_while_owned` and `wait_until_idle` block."""

    def __init__(
        self,
        data_source: str,
        limits: Limits,
        budget: MemoryBudget,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data_source = data_source
        self.stalls: dict[PartitionId, Stall] = {}  # set by the inserters, each for its batch
        self.held: str | None = None  # why nothing may be inserted just now
        self.is_closed = False
        self.scale = BatchScale()
        self._limits = limits
        self._limits_now = limits  # as the scale says
        self._due_at = clock()  # when the next batch may be cut that is not full
        self._budget = budget
        self._clock = clock
        self._queues: dict[PartitionId, PartitionQueue] = {}
        self._changed = threading.Condition()
        self._memory_bytes = 0
        self._idle_inserters = 0

    @property
    def stalled(self) -> Stall | None:
        """Of one of the partitions that are stalled."""
        return next(iter(list(self.stalls.values())), None)

    # Filling: the thread that reads.

    def open(self, origin: Origin, owner: int, start: ResumePoint) -> None:
        """Start a queue for a partition that this worker now owns."""
        with self._changed:
            self._queues[origin.partition_id] = PartitionQueue.starting(origin, owner, start)

    def add(self, run: Run) -> int | None:
        """Keep a run of an open queue. How many of its messages were left out because they are stored already; None
        when the queue is fenced: the partition's owner reads the run too."""
        with self._changed:
            queue = self._queues[PartitionId(run.topic, run.partition)]
            if queue.is_fenced:
                return None
            before = queue.memory_bytes
            present = queue.add(run, self._limits_now, self._clock())
            self._account(queue.memory_bytes - before)
            return present

    def seal(self) -> set[PartitionId]:
        """Fix the boundaries of the batches that are due: the partitions whose record is to be written anew."""
        with self._changed:
            queues, limits = list(self._queues.values()), self._limits_now
            candidates = [queue.candidate(limits) for queue in queues]
            cuts = due(candidates, self._situation(), Rhythm(self._due_at, limits.seconds))
            self._due_at = cuts.rhythm.due_at
            sealed = [queues[number] for number in cuts.numbers]
            for queue in sealed:
                # After all of it was read: the topic is looked at later than that.
                queue.seal(self._clock())
            if sealed:
                self._changed.notify_all()  # a former owner's batch is on record already
            return {queue.origin.partition_id for queue in sealed}

    def record(self, partition: PartitionId) -> FeedProgress:
        """What the group's record has to say of an open queue."""
        with self._changed:
            return self._queues[partition].record

    def recorded(self, queue: PartitionQueue, cuts: Iterable[Cut]) -> None:
        """The group's record names these batches of a queue: they may be sent."""
        with self._changed:
            queue.on_record = frozenset(cuts)
            self._changed.notify_all()

    def confirm(self, topic: str, topic_id: str, at: float) -> None:
        """The topic of that name had that id at that moment of the buffer's clock or later: what was read of it before
        may be sent."""
        with self._changed:
            for queue in self._queues.values():
                origin = queue.origin
                if (origin.topic, origin.topic_id) == (topic, topic_id) and queue.confirmed_at < at:
                    queue.confirmed_at = at
            self._changed.notify_all()

    def unconfirmed(self) -> set[str]:
        """Topics of which sealed batches wait for `confirm`."""
        with self._changed:
            return {queue.origin.topic for queue in self._queues.values() if queue.is_unconfirmed}

    def drop_waiting(self, partitions: Iterable[PartitionId]) -> int:
        """Forget what no inserter has taken yet, to be read again by the next owner. How many messages that was."""
        with self._changed:
            return sum(self._drop_waiting(queue) for queue in self._of(partitions))

    def close_queues(self, partitions: Iterable[PartitionId]) -> int:
        """Give partitions up: nothing more of them will be inserted or committed. How many messages were waiting."""
        with self._changed:
            queues = self._of(partitions)
            for queue in queues:
                del self._queues[queue.origin.partition_id]
            dropped = sum(map(self._drop_waiting, queues))
            self._changed.notify_all()
            return dropped

    def flush(self) -> int:
        """Hand out everything that waits, however little it is; nothing more will be read. How many messages were
        dropped for that: of a former owner's batch that was not read to its end."""
        with self._changed:
            dropped = 0
            for queue in self._queues.values():
                before = queue.memory_bytes
                dropped += queue.drop_incomplete()
                self._account(queue.memory_bytes - before)
                queue.is_flushing = True
            return dropped

    def close(self) -> None:
        """End every `take` with None."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    # Emptying: the inserters.

    def take(self) -> InFlightBatch | None:
        """Wait for a batch that is on record and take it; None once the buffer is closed."""
        with self._changed:
            while not self.is_closed:
                ready = [queue for queue in self._queues.values() if queue.next_to_send is not None]
                if ready:
                    queue = min(ready, key=self._urgency_to_send)
                    return InFlightBatch(queue, queue.send())
                self._idle_inserters += 1
                self._changed.wait()
                self._idle_inserters -= 1
            return None

    def is_current(self, in_flight: InFlightBatch) -> bool:
        """Whether the queue of a batch in flight is still this worker's."""
        queue = in_flight.queue
        return self._queues.get(queue.origin.partition_id) is queue and not queue.is_fenced

    def stored(self, in_flight: InFlightBatch) -> bool:
        """The batch is in ClickHouse. True when its partition may be committed further."""
        with self._changed:
            moved = in_flight.queue.stored(in_flight.batch)
            is_current = self.is_current(in_flight)
            self._sent(in_flight)
            return moved and is_current

    def give_up(self, in_flight: InFlightBatch) -> None:
        """The batch will not be inserted by this worker: its queue is closed or fenced."""
        self.stalls.pop(in_flight.batch.origin.partition_id, None)
        with self._changed:
            self._sent(in_flight)

    def fence(self, in_flight: InFlightBatch) -> int:
        """ClickHouse says that somebody else owns the partition. How many waiting messages were dropped."""
        with self._changed:
            in_flight.queue.is_fenced = True
            return self._drop_waiting(in_flight.queue)

    def rescale(self, decision: Decision) -> None:
        """Let later batches be smaller or larger, as an insert's outcome says."""
        with self._changed:
            self.scale = self.scale.after(decision)
            self._limits_now = self.scale.apply(self._limits)

    def wait_while_owned(self, in_flight: InFlightBatch, seconds: float) -> None:
        """Sleep, unless the queue is given up first."""
        deadline = Deadline.after(seconds, self._clock)
        with self._changed:
            while self.is_current(in_flight) and not self.is_closed and not deadline.is_over:
                self._changed.wait(timeout=deadline.remaining())

    # Looking.

    def wait_until_idle(self, partitions: Collection[PartitionId], seconds: float) -> bool:
        """Wait until no batch of these partitions waits or is being inserted; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(queue.is_fenced or queue.rows == 0 for queue in self._of(partitions)), timeout=seconds
            )

    def queue(self, partition: PartitionId) -> PartitionQueue | None:
        return self._queues.get(partition)

    @property
    def memory_bytes(self) -> int:
        """Memory of all that waits or is being inserted, also of queues that were given up meanwhile."""
        return self._memory_bytes

    @property
    def must_pause(self) -> bool:
        """Whether nothing more may be read for this data source."""
        return self._budget.must_pause(self._memory_bytes)

    @property
    def may_resume(self) -> bool:
        """Whether it may be read for again after a pause."""
        return self._budget.may_resume(self._memory_bytes)

    def loads(self) -> dict[PartitionId, Load]:
        """What every open queue holds."""
        with self._changed:
            return {partition: queue.load for partition, queue in self._queues.items()}

    # Within the lock.

    def _situation(self) -> Situation:
        held = self._memory_bytes
        return Situation(
            self._clock(), self._idle_inserters, self._budget.is_tight(held), self._budget.must_pause(held)
        )

    @staticmethod
    def _urgency_to_send(queue: PartitionQueue) -> int:
        return queue.sealed[0].timestamps[0]

    def _sent(self, in_flight: InFlightBatch) -> None:
        in_flight.queue.sending = None
        self._account(-in_flight.batch.memory_bytes)
        in_flight.batch.free()
        self._changed.notify_all()

    def _drop_waiting(self, queue: PartitionQueue) -> int:
        before = queue.memory_bytes
        dropped = queue.drop_waiting()
        self._account(queue.memory_bytes - before)
        return dropped

    def _account(self, count: int) -> None:
        self._memory_bytes += count
        if count >= 0:
            self._budget.take(count)
        else:
            self._budget.give_back(-count)

    def _of(self, partitions: Iterable[PartitionId]) -> list[PartitionQueue]:
        return [self._queues[partition] for partition in partitions if partition in self._queues]
