"""The messages of one data source between reading and storing: filled by one thread, emptied by the inserters."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from ingest_worker.batch import Batch, BatchBuilder, Limits, Origin, memory_bytes
from ingest_worker.budget import MemoryBudget
from ingest_worker.delivery import BatchScale, Decision
from ingest_worker.messages import Run
from ingest_worker.offsets import LowWaterMark
from service.deadline import Deadline

Place = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What waits or is being inserted of one partition; `oldest_timestamp` is of its first message, milliseconds."""

    rows: int
    payload_bytes: int
    is_inserting: bool
    oldest_timestamp: int | None


@dataclass(eq=False, slots=True)
class Lane:
    """One partition for as long as this worker owns it. At most one of its batches is being inserted."""

    origin: Origin
    owner: int
    mark: LowWaterMark
    waiting: deque[BatchBuilder] = field(default_factory=deque)
    sending: Batch | None = None
    is_fenced: bool = False
    is_flushing: bool = False

    @property
    def rows(self) -> int:
        return sum(builder.rows for builder in self.waiting) + (self.sending.rows if self.sending else 0)

    @property
    def load(self) -> Load:
        """What the lane holds at this moment. Call it with the buffer locked."""
        held: list[Batch | BatchBuilder] = [*([self.sending] if self.sending else []), *self.waiting]
        return Load(
            rows=sum(part.rows for part in held),
            payload_bytes=sum(part.payload_bytes for part in held),
            is_inserting=self.sending is not None,
            oldest_timestamp=held[0].timestamps[0] if held else None,
        )


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
        self.is_closed = False
        self.scale = BatchScale()
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._lanes: dict[Place, Lane] = {}
        self._changed = threading.Condition()
        self._memory_bytes = 0

    # Filling: the thread that reads.

    def open(self, origin: Origin, owner: int, position: int) -> None:
        """Start a lane for a partition that this worker now owns; the first message is at `position` or later."""
        with self._changed:
            self._lanes[origin.topic, origin.partition] = Lane(origin, owner, LowWaterMark(position))

    def add(self, run: Run) -> bool:
        """Keep a run of an open lane. False when the lane is fenced: the partition's owner reads the run too."""
        with self._changed:
            lane = self._lanes[run.topic, run.partition]
            if lane.is_fenced:
                return False
            limits = self._limits_now()
            was_empty = not lane.waiting
            rest = lane.waiting[-1].add(run, limits) if lane.waiting else run
            while rest is not None:
                lane.waiting.append(BatchBuilder(self._clock()))
                rest = lane.waiting[-1].add(rest, limits)
            self._account(memory_bytes(run.rows, run.payload_bytes))
            if was_empty or len(lane.waiting) > 1 or self._is_ripe(lane, limits, self._clock()):
                self._changed.notify_all()
            return True

    def drop_waiting(self, places: Iterable[Place]) -> int:
        """Forget what no inserter has taken yet, to be read again by the next owner. How many messages that was."""
        with self._changed:
            return sum(self._drop_waiting(lane) for lane in self._of(places))

    def close_lanes(self, places: Iterable[Place]) -> int:
        """Give partitions up: nothing more of them will be inserted or committed. How many messages were waiting."""
        with self._changed:
            lanes = self._of(places)
            for lane in lanes:
                del self._lanes[lane.origin.topic, lane.origin.partition]
            dropped = sum(map(self._drop_waiting, lanes))
            self._changed.notify_all()
            return dropped

    def flush(self) -> None:
        """Hand out everything that waits, however little it is."""
        with self._changed:
            for lane in self._lanes.values():
                lane.is_flushing = True
            self._changed.notify_all()

    def close(self) -> None:
        """End every `take` with None."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    # Emptying: the inserters.

    def take(self) -> Shipment | None:
        """Wait for a batch that is due and take it; None once the buffer is closed."""
        with self._changed:
            while not self.is_closed:
                now, limits = self._clock(), self._limits_now()
                ready = [lane for lane in self._lanes.values() if lane.sending is None and lane.waiting]
                ripe = [lane for lane in ready if self._is_ripe(lane, limits, now)]
                if ripe:
                    return self._take_from(self._most_urgent(ripe))
                due = (lane.waiting[0].started_at + limits.seconds - now for lane in ready)
                self._changed.wait(timeout=min(due, default=None))
            return None

    def is_current(self, shipment: Shipment) -> bool:
        """Whether the lane of a shipment is still this worker's."""
        lane = shipment.lane
        return self._lanes.get((lane.origin.topic, lane.origin.partition)) is lane and not lane.is_fenced

    def stored(self, shipment: Shipment) -> bool:
        """The batch is in ClickHouse. True when its partition may be committed further."""
        with self._changed:
            moved = shipment.lane.mark.stored(shipment.batch.first_offset, shipment.batch.last_offset)
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

    def wait_while_owned(self, shipment: Shipment, seconds: float) -> None:
        """Sleep, unless the lane is given up first."""
        deadline = Deadline.after(seconds, self._clock)
        with self._changed:
            while self.is_current(shipment) and not self.is_closed and not deadline.is_over:
                self._changed.wait(timeout=deadline.remaining())

    # Looking.

    def wait_until_idle(self, places: Collection[Place], seconds: float) -> bool:
        """Wait until no batch of these partitions waits or is being inserted; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(lane.is_fenced or lane.rows == 0 for lane in self._of(places)), timeout=seconds
            )

    def lane(self, place: Place) -> Lane | None:
        return self._lanes.get(place)

    @property
    def memory_bytes(self) -> int:
        """Memory of all that waits or is being inserted, also of lanes that were given up meanwhile."""
        return self._memory_bytes

    def loads(self) -> dict[Place, Load]:
        """What every open lane holds."""
        with self._changed:
            return {place: lane.load for place, lane in self._lanes.items()}

    # Within the lock.

    def _limits_now(self) -> Limits:
        return self.scale.apply(self._limits, sum(1 for lane in self._lanes.values() if lane.waiting))

    def _is_ripe(self, lane: Lane, limits: Limits, now: float) -> bool:
        first = lane.waiting[0]
        return (
            lane.is_flushing
            or len(lane.waiting) > 1
            or first.is_full(limits)
            or now - first.started_at >= limits.seconds
            or self._budget.is_tight(self._memory_bytes)
        )

    def _most_urgent(self, ripe: Collection[Lane]) -> Lane:
        """The oldest; the largest when memory is scarce, which gives back most with the fewest inserts."""
        if self._budget.is_tight(self._memory_bytes):
            return max(ripe, key=lambda lane: lane.waiting[0].memory_bytes)
        return min(ripe, key=lambda lane: lane.waiting[0].started_at)

    def _take_from(self, lane: Lane) -> Shipment:
        batch = lane.waiting.popleft().build(lane.origin)
        lane.sending = batch
        lane.mark.announce(batch.first_offset, batch.last_offset)
        return Shipment(lane, batch)

    def _sent(self, shipment: Shipment) -> None:
        shipment.lane.sending = None
        self._account(-memory_bytes(shipment.batch.rows, shipment.batch.payload_bytes))
        self._changed.notify_all()

    def _drop_waiting(self, lane: Lane) -> int:
        dropped = sum(builder.rows for builder in lane.waiting)
        self._account(-sum(builder.memory_bytes for builder in lane.waiting))
        lane.waiting.clear()
        return dropped

    def _account(self, count: int) -> None:
        self._memory_bytes += count
        if count >= 0:
            self._budget.take(count)
        else:
            self._budget.give_back(-count)

    def _of(self, places: Iterable[Place]) -> list[Lane]:
        return [self._lanes[place] for place in places if place in self._lanes]
