"""The partitions that a group assigned to this worker: who owns them, which are read, how far each may be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingest_worker.context import Context
from ingest_worker.observing.consuming import MessagesConsumed, PartitionsPaused, PartitionsResumed
from ingest_worker.observing.partitions import RowsAlreadyPresent, RowsReleased
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.batch import Origin
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.storing.messages import Run
from ingest_worker.storing.partitions import FeedPartition, PartitionId
from ingest_worker.storing.record import Cut, Record
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import Takeover
from service.backoff import Backoff
from service.deadline import Deadline

# How long a partition that ClickHouse says is somebody else's is left to them. Mostly the group moves it within a few
# seconds; a late claim of a member that has lost it needs this; two groups by mistake must not wear each other out.
_PATIENCE = Backoff(first=5.0, longest=60.0)


@dataclass(frozen=True, slots=True)
class Commit:
    """What the group shall hold of one partition: the next offset to read, and the record of what may be half stored.

    `cuts` are, by data source, the batches that the record names.
    """

    partition: Partition
    position: int
    metadata: str
    cuts: Mapping[str, Sequence[Cut]]


class Assignment:
    """Decides, and never talks to Kafka or ClickHouse.

    `buffers` are those of the data sources that each topic feeds. Only `progressed` and the looking methods may be
    called from threads other than the one that reads.
    """

    def __init__(self, context: Context, buffers: Mapping[str, Sequence[Buffer]]) -> None:
        self.partitions: dict[PartitionId, Partition] = {}
        self._buffers = buffers
        self._all_buffers = list({id(buffer): buffer for group in buffers.values() for buffer in group}.values())
        self._observe = context.observe
        self._clock = context.clock
        self.gone: Collection[str] = ()  # topics that do not exist any more
        self._full: set[str] = set()  # data sources that have used up their memory
        self._moved: deque[PartitionId] = deque()
        self._uncommitted: set[PartitionId] = set()

    def add(self, partitions: Iterable[Partition]) -> None:
        added = {partition.id: partition for partition in partitions}
        self.partitions |= added
        # Where a group begins is written down before anything else: a topic's end is another one a moment later.
        self._uncommitted |= {id_ for id_, partition in added.items() if partition.committed is None}

    def is_assigned(self, partition: Partition) -> bool:
        """Whether it is still this assignment of the partition, not an earlier or a later one."""
        return self.partitions.get(partition.id) is partition

    def feed_partitions(self, partitions: Iterable[Partition]) -> list[FeedPartition]:
        """What has to be owned and recovered before any of these partitions may be read."""
        return [
            FeedPartition(buffer.data_source, *entry.id)
            for entry in partitions
            for buffer in self._buffers[entry.topic]
        ]

    def begin_anew(self, takeover: Takeover) -> list[Partition]:
        """Partitions of a takeover that are read from their beginning and not from where they were assigned."""
        anew = [entry for entry in takeover.partitions if entry.id in takeover.anew and self.is_assigned(entry)]
        for partition in anew:
            partition.position = partition.next_offset = partition.low
            partition.first_partitions = 0
        return anew

    def own(self, takeover: Takeover) -> list[Partition]:
        """These partitions are this worker's in ClickHouse too: messages of them may be taken from now on. Gives back
        those that are not, as their takeover was refused."""
        recovered, refused = takeover.recovered, []
        for partition in filter(self.is_assigned, takeover.partitions):
            if partition.state is not OwnerState.CLAIMING:
                continue  # it is open already
            if partition.id in takeover.refused:
                partition.state, partition.error = OwnerState.REFUSED, takeover.refused[partition.id]
                refused.append(partition)
                continue
            assert recovered is not None
            for buffer in self._buffers[partition.topic]:
                origin = Origin(buffer.data_source, partition.topic, partition.topic_id, partition.number)
                buffer.open(origin, recovered.owner, recovered.starts[FeedPartition(buffer.data_source, *partition.id)])
            partition.state = OwnerState.OWNED
            self.progressed(partition.id)  # from now on a record says what is stored
        return refused

    def take(self, run: Run) -> bool:
        """Give a run to every data source that its topic feeds. False when it must be read again later."""
        partition = self.partitions.get(PartitionId(run.topic, run.partition))
        if partition is None:
            return True  # revoked within the call that returned it: the next owner reads it
        if partition.state in (OwnerState.CLAIMING, OwnerState.REFUSED):
            return False
        for buffer in self._buffers[run.topic]:
            self._observe(MessagesConsumed(buffer.data_source, run.topic, run.rows, run.payload_bytes))
            present = buffer.add(run)
            if present is None:
                self._release(buffer, run.rows)
            elif present:
                self._observe(RowsAlreadyPresent(buffer.data_source, run.topic, run.partition, present))
                self.progressed(partition.id)
        partition.next_offset = run.offsets[-1] + 1
        partition.newest_timestamp = run.timestamps[-1]
        return True

    # Pausing.

    @property
    def is_full(self) -> bool:
        """Whether every data source that could read has used up its memory."""
        fed = {buffer.data_source: buffer for entry in self.partitions.values() for buffer in self.buffers_of(entry)}
        return bool(fed) and all(buffer.must_pause for buffer in fed.values())

    def to_switch(self) -> tuple[list[Partition], list[Partition]]:
        """Partitions to pause and to resume now, as memory, ownership and errors say; they count as switched."""
        self._judge_memory()
        self._notice_fences()
        wanted = {id_: self._is_to_read(partition) for id_, partition in self.partitions.items()}
        pause = [entry for id_, entry in self.partitions.items() if not wanted[id_] and not entry.is_paused]
        resume = [entry for id_, entry in self.partitions.items() if wanted[id_] and entry.is_paused]
        for partition in (*pause, *resume):
            partition.is_paused = not partition.is_paused
        return pause, resume

    def _judge_memory(self) -> None:
        for buffer in self._all_buffers:
            name = buffer.data_source
            if name not in self._full and buffer.must_pause:
                self._full.add(name)
                self._observe(PartitionsPaused(name, self._count(buffer), buffer.memory_bytes))
            elif name in self._full and buffer.may_resume:
                self._full.remove(name)
                self._observe(PartitionsResumed(name, self._count(buffer)))

    def _notice_fences(self) -> None:
        for partition in self.partitions.values():
            is_fenced = any(queue.is_fenced for queue in self._queues(partition))
            if is_fenced and partition.state is not OwnerState.FENCED:
                partition.state = OwnerState.FENCED
                partition.fenced_at = self._clock()
                partition.fences += 1

    def to_take_back(self) -> list[Partition]:
        """Fenced partitions of which nothing is on its way any more and that were left to their owner long enough: the
        group still says that they are this worker's."""
        return [
            partition
            for id_, partition in self.partitions.items()
            if partition.state is OwnerState.FENCED
            and self._clock() - partition.fenced_at >= _PATIENCE.delay(partition.fences)
            and all(buffer.wait_until_idle([id_], seconds=0) for buffer in self._buffers[partition.topic])
        ]

    def _is_to_read(self, partition: Partition) -> bool:
        return (
            partition.state is OwnerState.OWNED
            and partition.error is None
            and partition.topic not in self.gone
            and (not self._is_held_up(partition) or any(queue.is_completing for queue in self._queues(partition)))
        )

    def _is_held_up(self, partition: Partition) -> bool:
        return any(buffer.data_source in self._full for buffer in self._buffers[partition.topic])

    def _count(self, buffer: Buffer) -> int:
        return sum(1 for partition in self.partitions.values() if buffer in self._buffers[partition.topic])

    def confirmed(self, topic: str, topic_id: str, at: float) -> None:
        """What was read of a topic before that moment is of that id. Called by the thread that asks for it."""
        for buffer in self._buffers[topic]:
            buffer.confirm(topic, topic_id, at)

    def unconfirmed(self) -> set[str]:
        """Topics of which batches wait for `confirmed`."""
        return set().union(*(buffer.unconfirmed() for buffer in self._all_buffers))

    # Committing.

    def progressed(self, partition: PartitionId) -> None:
        """Something of a partition was stored. Called by the inserters."""
        self._moved.append(partition)

    def to_commit(self) -> list[Commit]:
        """Partitions whose next offset to read or whose record has changed since the last commit.

        Cuts the batches that are due first, so that they are on record with this commit. A topic that feeds several
        data sources is committed as far as the slowest of them has come. A partition that is somebody else's is never
        committed.
        """
        while self._moved:
            self._uncommitted.add(self._moved.popleft())
        for buffer in self._all_buffers:
            self._uncommitted |= buffer.seal()
        result = []
        for id_ in self._uncommitted & self.partitions.keys():
            partition = self.partitions[id_]
            queues = self._queues(partition)
            if partition.error is None and not any(queue.is_fenced for queue in queues):
                commit = self._commit_of(partition) if queues else self._start_of(partition)
                if (commit.position, commit.metadata) != (partition.committed, partition.metadata):
                    result.append(commit)
        return result

    def committed(self, commits: Iterable[Commit]) -> None:
        """The broker took these commits: what they record may be sent."""
        for commit in commits:
            partition = commit.partition
            partition.committed, partition.metadata = commit.position, commit.metadata
            self._uncommitted.discard(partition.id)
            for queue in self._queues(partition):
                self._buffer(queue).recorded(queue, commit.cuts.get(queue.origin.data_source, ()))

    # Giving up.

    def drop_waiting(self, partitions: Collection[PartitionId]) -> None:
        """Forget what has been read of these partitions and is not being inserted."""
        for buffer in self._all_buffers:
            self._release(buffer, buffer.drop_waiting(partitions))

    def wait_until_idle(self, partitions: Collection[PartitionId], deadline: Deadline) -> bool:
        """Blocks until all that was read of these partitions is stored; False when the time is over first."""
        return all(buffer.wait_until_idle(partitions, deadline.remaining()) for buffer in self._all_buffers)

    def remove(self, partitions: Collection[PartitionId]) -> None:
        """These partitions are no longer this worker's."""
        for buffer in self._all_buffers:
            self._release(buffer, buffer.close_queues(partitions))
        for id_ in partitions:
            self.partitions.pop(id_, None)
            self._uncommitted.discard(id_)

    def flush(self) -> None:
        for buffer in self._all_buffers:
            self._release(buffer, buffer.flush())

    @property
    def is_idle(self) -> bool:
        """Whether everything that was read is stored."""
        return all(buffer.wait_until_idle(list(self.partitions), seconds=0) for buffer in self._all_buffers)

    # Looking.

    def buffers_of(self, partition: Partition) -> Sequence[Buffer]:
        """The buffers of the data sources that a partition feeds."""
        return self._buffers[partition.topic]

    def _queues(self, partition: Partition) -> list[PartitionQueue]:
        queues = (buffer.queue(partition.id) for buffer in self._buffers[partition.topic])
        return [queue for queue in queues if queue is not None]

    def _commit_of(self, partition: Partition) -> Commit:
        records = {buffer.data_source: buffer.record(partition.id) for buffer in self._buffers[partition.topic]}
        position = min(record.position for record in records.values())
        cuts = {name: record.cuts for name, record in records.items()}
        record = Record(partition.topic_id, records, partition.first_partitions)
        return Commit(partition, position, record.encode(position), cuts)

    @staticmethod
    def _start_of(partition: Partition) -> Commit:
        """Where the group begins, before anybody owns the partition: nothing of it was stored by this group."""
        if partition.committed is not None:
            return Commit(partition, partition.committed, partition.metadata, {})
        record = Record(partition.topic_id, {}, partition.first_partitions)
        return Commit(partition, partition.position, record.encode(partition.position), {})

    def _buffer(self, queue: PartitionQueue) -> Buffer:
        return next(entry for entry in self._all_buffers if entry.data_source == queue.origin.data_source)

    def _release(self, buffer: Buffer, rows: int) -> None:
        if rows:
            self._observe(RowsReleased(buffer.data_source, rows))
