"""The messages of one data source between reading and storing: filled by one thread, emptied by the inserters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ingest_worker.pipeline.budget import MemoryBudget
from ingest_worker.pipeline.lane import Lane, Load
from ingest_worker.pipeline.sealing import Rhythm, Situation, due
from ingest_worker.storing.batch import Batch, Limits, Origin
from ingest_worker.storing.delivery import BatchScale, Decision
from ingest_worker.storing.messages import Run
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import Cut, LaneRecord, LaneStart
from service.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Shipment:
    """A batch that an inserter took, and the lane it came from."""

    lane: Lane
    batch: Batch


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
        self.stalled: str | None = None  # why inserts fail until somebody mends the cause; set by the inserters
        self.held: str | None = None  # why nothing may be inserted just now
        self.is_closed = False
        self.scale = BatchScale()
        self._limits = limits
        self._limits_now = limits  # as the scale says
        self._due_at = clock()  # when the next batch may be cut that is not full
        self._budget = budget
        self._clock = clock
        self._lanes: dict[PartitionId, Lane] = {}
        self._changed = threading.Condition()
        self._memory_bytes = 0
        self._idle_inserters = 0

    # Filling: the thread that reads.

    def open(self, origin: Origin, owner: int, start: LaneStart) -> None:
        """Start a lane for a partition that this worker now owns."""
        with self._changed:
            self._lanes[origin.partition_id] = Lane.starting(origin, owner, start)

    def add(self, run: Run) -> int | None:
        """Keep a run of an open lane. How many of its messages were left out because they are stored already; None
        when the lane is fenced: the partition's owner reads the run too."""
        with self._changed:
            lane = self._lanes[PartitionId(run.topic, run.partition)]
            if lane.is_fenced:
                return None
            before = lane.memory_bytes
            present = lane.add(run, self._limits_now, self._clock())
            self._account(lane.memory_bytes - before)
            return present

    def seal(self) -> set[PartitionId]:
        """Fix the boundaries of the batches that are due: the partitions whose record is to be written anew."""
        with self._changed:
            lanes, limits = list(self._lanes.values()), self._limits_now
            candidates = [lane.candidate(limits) for lane in lanes]
            cuts = due(candidates, self._situation(), Rhythm(self._due_at, limits.seconds))
            self._due_at = cuts.rhythm.due_at
            sealed = [lanes[number] for number in cuts.numbers]
            for lane in sealed:
                # After all of it was read: the topic is looked at later than that.
                lane.seal(self._clock())
            if sealed:
                self._changed.notify_all()  # a former owner's batch is on record already
            return {lane.origin.partition_id for lane in sealed}

    def record(self, partition: PartitionId) -> LaneRecord:
        """What the group's record has to say of an open lane."""
        with self._changed:
            return self._lanes[partition].record

    def recorded(self, lane: Lane, cuts: Iterable[Cut]) -> None:
        """The group's record names these batches of a lane: they may be sent."""
        with self._changed:
            lane.on_record = frozenset(cuts)
            self._changed.notify_all()

    def confirm(self, topic: str, topic_id: str, at: float) -> None:
        """The topic of that name had that id at that moment of the buffer's clock or later: what was read of it before
        may be sent."""
        with self._changed:
            for lane in self._lanes.values():
                origin = lane.origin
                if (origin.topic, origin.topic_id) == (topic, topic_id) and lane.confirmed_at < at:
                    lane.confirmed_at = at
            self._changed.notify_all()

    def unconfirmed(self) -> set[str]:
        """Topics of which sealed batches wait for `confirm`."""
        with self._changed:
            return {lane.origin.topic for lane in self._lanes.values() if lane.is_unconfirmed}

    def drop_waiting(self, partitions: Iterable[PartitionId]) -> int:
        """Forget what no inserter has taken yet, to be read again by the next owner. How many messages that was."""
        with self._changed:
            return sum(self._drop_waiting(lane) for lane in self._of(partitions))

    def close_lanes(self, partitions: Iterable[PartitionId]) -> int:
        """Give partitions up: nothing more of them will be inserted or committed. How many messages were waiting."""
        with self._changed:
            lanes = self._of(partitions)
            for lane in lanes:
                del self._lanes[lane.origin.partition_id]
            dropped = sum(map(self._drop_waiting, lanes))
            self._changed.notify_all()
            return dropped

    def flush(self) -> int:
        """Hand out everything that waits, however little it is; nothing more will be read. How many messages were
        dropped for that: of a former owner's batch that was not read to its end."""
        with self._changed:
            dropped = 0
            for lane in self._lanes.values():
                before = lane.memory_bytes
                dropped += lane.drop_incomplete()
                self._account(lane.memory_bytes - before)
                lane.is_flushing = True
            return dropped

    def close(self) -> None:
        """End every `take` with None."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    # Emptying: the inserters.

    def take(self) -> Shipment | None:
        """Wait for a batch that is on record and take it; None once the buffer is closed."""
        with self._changed:
            while not self.is_closed:
                ready = [lane for lane in self._lanes.values() if lane.next_to_send is not None]
                if ready:
                    lane = min(ready, key=self._urgency_to_send)
                    return Shipment(lane, lane.send())
                self._idle_inserters += 1
                self._changed.wait()
                self._idle_inserters -= 1
            return None

    def is_current(self, shipment: Shipment) -> bool:
        """Whether the lane of a shipment is still this worker's."""
        lane = shipment.lane
        return self._lanes.get(lane.origin.partition_id) is lane and not lane.is_fenced

    def stored(self, shipment: Shipment) -> bool:
        """The batch is in ClickHouse. True when its partition may be committed further."""
        with self._changed:
            moved = shipment.lane.stored(shipment.batch)
            is_current = self.is_current(shipment)
            self._sent(shipment)
            return moved and is_current

    def give_up(self, shipment: Shipment) -> None:
        """The batch will not be inserted by this worker: its lane is closed or fenced."""
        with self._changed:
            self._sent(shipment)

    def fence(self, shipment: Shipment) -> int:
        """ClickHouse says that somebody else owns the partition. How many waiting messages were dropped."""
        with self._changed:
            shipment.lane.is_fenced = True
            return self._drop_waiting(shipment.lane)

    def rescale(self, decision: Decision) -> None:
        """Let later batches be smaller or larger, as an insert's outcome says."""
        with self._changed:
            self.scale = self.scale.after(decision)
            self._limits_now = self.scale.apply(self._limits)

    def wait_while_owned(self, shipment: Shipment, seconds: float) -> None:
        """Sleep, unless the lane is given up first."""
        deadline = Deadline.after(seconds, self._clock)
        with self._changed:
            while self.is_current(shipment) and not self.is_closed and not deadline.is_over:
                self._changed.wait(timeout=deadline.remaining())

    # Looking.

    def wait_until_idle(self, partitions: Collection[PartitionId], seconds: float) -> bool:
        """Wait until no batch of these partitions waits or is being inserted; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(lane.is_fenced or lane.rows == 0 for lane in self._of(partitions)), timeout=seconds
            )

    def lane(self, partition: PartitionId) -> Lane | None:
        return self._lanes.get(partition)

    @property
    def memory_bytes(self) -> int:
        """Memory of all that waits or is being inserted, also of lanes that were given up meanwhile."""
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
        """What every open lane holds."""
        with self._changed:
            return {partition: lane.load for partition, lane in self._lanes.items()}

    # Within the lock.

    def _situation(self) -> Situation:
        held = self._memory_bytes
        return Situation(
            self._clock(), self._idle_inserters, self._budget.is_tight(held), self._budget.must_pause(held)
        )

    @staticmethod
    def _urgency_to_send(lane: Lane) -> int:
        return lane.sealed[0].timestamps[0]

    def _sent(self, shipment: Shipment) -> None:
        shipment.lane.sending = None
        self._account(-shipment.batch.memory_bytes)
        shipment.batch.free()
        self._changed.notify_all()

    def _drop_waiting(self, lane: Lane) -> int:
        before = lane.memory_bytes
        dropped = lane.drop_waiting()
        self._account(lane.memory_bytes - before)
        return dropped

    def _account(self, count: int) -> None:
        self._memory_bytes += count
        if count >= 0:
            self._budget.take(count)
        else:
            self._budget.give_back(-count)

    def _of(self, partitions: Iterable[PartitionId]) -> list[Lane]:
        return [self._lanes[partition] for partition in partitions if partition in self._lanes]
