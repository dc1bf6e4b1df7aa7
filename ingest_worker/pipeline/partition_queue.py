"""One partition of one data source while this worker owns it: what waits, where batches are cut, what is stored."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from operator import attrgetter

from ingest_worker.pipeline.sealing import Candidate
from ingest_worker.storing.batch import Batch, BatchBuilder, Limits, Origin
from ingest_worker.storing.messages import Run
from ingest_worker.storing.offsets import LowWaterMark
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Cut, FeedProgress, ResumePoint

# A batch that is being sent and the one after it: while the first is inserted the second is recorded.
_AHEAD = 2


# Asked for at every turn of the reading loop, for every partition.
_NOTHING_TO_CUT = {
    (is_sealed, is_inserting): Candidate(may_be_cut=False, is_sealed=is_sealed, is_inserting=is_inserting)
    for is_sealed in (False, True)
    for is_inserting in (False, True)
}


@dataclass(frozen=True, slots=True)
class Load:
    """What waits or is being inserted of one partition; `oldest_timestamp` is of its first message, milliseconds."""

    rows: int
    payload_bytes: int
    is_inserting: bool
    oldest_timestamp: int | None


@dataclass(eq=False, slots=True)
class PartitionQueue:
    """At most one of its batches is being inserted. Not safe for threads: the buffer's lock is around every call.

    A message goes through `waiting` (batches that still grow), `sealed` (batches whose boundaries are fixed, to be
    sent once the group's record names them and the topic was seen to be the same still) and `sending`. `cuts` are the
    boundaries of all batches that were or may be sent and are not known to be stored; `plan` those of them, left by a
    former owner, that are not read yet.
    """

    origin: Origin
    owner: int
    mark: LowWaterMark
    plan: deque[Cut] = field(default_factory=deque)
    present: OffsetRanges = field(default_factory=OffsetRanges)
    cuts: deque[Cut] = field(default_factory=deque)
    waiting: deque[BatchBuilder] = field(default_factory=deque)
    sealed: deque[Batch] = field(default_factory=deque)
    sealed_at: deque[float] = field(default_factory=deque)  # when each of them was, on the buffer's clock
    confirmed_at: float = float("-inf")  # what was read before this is surely of the origin's topic
    sending: Batch | None = None
    on_record: frozenset[Cut] = frozenset()  # the batches that the group's record names
    is_fenced: bool = False
    is_flushing: bool = False
    given_up: int = 0  # recorded batches that could not be had again
    _start: int = 0
    _skipped_to: int = 0
    _has_dropped: bool = False

    @classmethod
    def starting(cls, origin: Origin, owner: int, start: ResumePoint) -> PartitionQueue:
        """A queue that first completes what a former owner may have left half done."""
        queue = cls(origin, owner, LowWaterMark(start.position), deque(start.cuts), start.present, deque(start.cuts))
        queue._start = start.position
        # The group's record, where these were read, names them already.
        queue.on_record = frozenset(start.cuts)
        return queue

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self._held)

    @property
    def memory_bytes(self) -> int:
        return sum(part.memory_bytes for part in self._held)

    @property
    def load(self) -> Load:
        held = self._held
        return Load(
            rows=sum(part.rows for part in held),
            payload_bytes=sum(part.payload_bytes for part in held),
            is_inserting=self.sending is not None,
            oldest_timestamp=held[0].timestamps[0] if held else None,
        )

    @property
    def record(self) -> FeedProgress:
        return FeedProgress(self.mark.position, tuple(self.cuts))

    @property
    def is_completing(self) -> bool:
        """Whether the rest of a batch that a former owner cut must still be read, however scarce memory is."""
        return bool(self.plan) or self._is_gathering

    @property
    def next_to_send(self) -> Batch | None:
        """The batch that an inserter may take: one whose boundaries are on record, and whose messages are of this
        topic and not of one that was made again under its name, while no other is being sent."""
        if self.sending is not None or not self.sealed or self.sealed_at[0] > self.confirmed_at:
            return None
        first = self.sealed[0]
        return first if Cut(first.first_offset, first.last_offset, first.rows) in self.on_record else None

    @property
    def may_seal(self) -> bool:
        """Whether the next batch's boundaries may be fixed."""
        if not self.waiting or self.waiting[0].is_incomplete:
            return False
        first = self.waiting[0]
        if len(self.sealed) + (self.sending is not None) >= _AHEAD:
            return False
        # What lies before all recorded batches (the broker lost a part of one) holds them up, so it does not wait.
        return first.cut is not None or len(self.cuts) < _AHEAD or first.offsets[0] < self.cuts[0].first

    def candidate(self, limits: Limits) -> Candidate:
        """What the decision has to know that fixes boundaries."""
        is_sealed, is_inserting = bool(self.sealed), self.sending is not None
        if not self.may_seal:
            return _NOTHING_TO_CUT[is_sealed, is_inserting]
        first = self.waiting[0]
        return Candidate(
            True,
            len(self.waiting) > 1 or first.is_full(limits) or first.cut is not None,
            self.is_flushing,
            is_sealed,
            is_inserting,
            first.started_at,
            first.memory_bytes,
        )

    # Filling.

    def add(self, run: Run, limits: Limits, now: float) -> int:
        """Keep a run. Returns how many messages were left out because they are stored already."""
        present = 0
        pending = [run]  # the next to look at is the last
        while pending:
            left = pending.pop()
            first = left.offsets[0]
            present_to = self._start - 1 if first < self._start else self.present.last_of(first)
            if self.is_completing and first > self._next_cut.last:
                pending += [left, *self._give_up_cut()]
                continue
            if self.is_completing and first >= self._next_cut.first:
                part, rest = left.cut(bisect_right(left.offsets, self._next_cut.last))
                pending += [*([rest] if rest else []), *self._complete(part, now)]
                continue
            end = self._ordinary_end(first) if present_to is None else min(present_to, self._before_next_cut)
            part, rest = left.cut(bisect_right(left.offsets, end))
            pending += [rest] if rest else []
            if present_to is None:
                self._append(part, limits, now)
            else:
                present += self._skip(part)
        return present

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a sealed batch waits for the topic to be looked at."""
        return bool(self.sealed_at) and self.sealed_at[-1] > self.confirmed_at

    def seal(self, now: float) -> Batch:
        """Fix the boundaries of the first waiting batch."""
        builder = self.waiting.popleft()
        batch = builder.build(self.origin)
        self.mark.announce(batch.first_offset, batch.last_offset)
        if builder.cut is None:
            cut = Cut(batch.first_offset, batch.last_offset, batch.rows)
            self.cuts = deque(sorted([*self.cuts, cut], key=attrgetter("first")))
        self.sealed.append(batch)
        self.sealed_at.append(now)
        return batch

    def send(self) -> Batch:
        """Hand out the batch that is `next_to_send`."""
        self.sending = self.sealed.popleft()
        self.sealed_at.popleft()
        return self.sending

    def stored(self, batch: Batch) -> bool:
        """The batch is in ClickHouse. True when the queue may be committed further."""
        before = self.mark.position
        self.mark.stored(batch.first_offset, batch.last_offset)
        self.cuts = deque(cut for cut in self.cuts if cut.last != batch.last_offset)
        self.sending = None
        self._reach()
        return self.mark.position > before

    def drop_waiting(self) -> int:
        """Forget what is not being sent: how many messages. The boundaries stay on record, which does no harm."""
        held: list[Batch | BatchBuilder] = [*self.sealed, *self.waiting]
        self._has_dropped = self._has_dropped or bool(held)
        self.sealed.clear()
        self.sealed_at.clear()
        self.waiting.clear()
        return sum(part.rows for part in held)

    def drop_incomplete(self) -> int:
        """Forget a recorded batch whose rest will not be read any more: how many messages."""
        if not self._is_gathering:
            return 0
        self._has_dropped = True
        return self.waiting.pop().rows

    # Within.

    @property
    def _held(self) -> list[Batch | BatchBuilder]:
        return [*([self.sending] if self.sending else []), *self.sealed, *self.waiting]

    @property
    def _next_cut(self) -> Cut:
        gathering = self.waiting[-1].cut if self._is_gathering else None
        return gathering or self.plan[0]

    @property
    def _is_gathering(self) -> bool:
        return bool(self.waiting) and self.waiting[-1].is_incomplete

    @property
    def _before_next_cut(self) -> int:
        return self._next_cut.first - 1 if self.is_completing else 2**63 - 1

    def _ordinary_end(self, offset: int) -> int:
        """The last offset before the next that is stored already or belongs to a recorded batch."""
        next_present = self.present.next_after(offset)
        return self._before_next_cut if next_present is None else min(next_present - 1, self._before_next_cut)

    def _skip(self, run: Run | None) -> int:
        assert run is not None
        self._skipped_to = run.offsets[-1] + 1
        # No batch spans offsets that were left out: first, last and count would no longer name its content.
        if self.waiting:
            self.waiting[-1].is_closed = True
        self._reach()
        return run.rows

    def _reach(self) -> None:
        """With nothing on its way, everything that was read is stored, also what was left out at the end."""
        if not self._held and not self._has_dropped and self._skipped_to > self.mark.position:
            self.mark.reach(self._skipped_to)

    def _append(self, run: Run | None, limits: Limits, now: float) -> None:
        rest = run
        if rest is not None and self.waiting and not self.waiting[-1].is_closed:
            rest = self.waiting[-1].add(rest, limits)
        while rest is not None:
            self.waiting.append(BatchBuilder(now))
            rest = self.waiting[-1].add(rest, limits)

    def _complete(self, part: Run | None, now: float) -> list[Run]:
        """Gather a recorded batch, exactly as it was cut; or give back what was gathered of it."""
        assert part is not None
        cut = self._next_cut
        if not self._is_gathering:
            self.plan.popleft()
            self.waiting.append(BatchBuilder(now, cut=cut, is_closed=True))
        builder = self.waiting[-1]
        builder.append(part)
        is_other = part.offsets[-1] == cut.last and (builder.offsets[0], builder.rows) != (cut.first, cut.rows)
        return self._give_up_cut(cut) if is_other else []

    def _give_up_cut(self, cut: Cut | None = None) -> list[Run]:
        """A recorded batch cannot be had again, since the broker lost messages of it. What is left of it, which is
        given back, goes the ordinary way: what the scan did not find is inserted."""
        cut = cut or self._next_cut
        self.cuts.remove(cut)
        self.given_up += 1
        if self.waiting and self.waiting[-1].cut == cut:
            return [self.waiting.pop().as_run(self.origin)]
        self.plan.popleft()
        return []
