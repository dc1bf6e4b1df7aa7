"""What the world is made of: its rules, its budget of mishaps, workers, and inserts on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from ingest_worker.pipeline.partition_queue import PartitionQueue
from ingest_worker.storing.batch import Batch, BatchBuilder, Limits, Origin
from ingest_worker.storing.messages import Run
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.record import Cut, ResumePoint

ORIGIN = Origin("events", "topic", "id", 0)
FED = FeedPartition("events", "topic", 0)
MESSAGES = 3
LIMITS = {name: Limits(rows=rows, payload_bytes=1000, seconds=1.0) for name, rows in (("A", 2), ("B", 3))}
"""Left to themselves the two cut different batches, as real workers do whose messages come at other moments."""
TABLE_PARTITIONS = 2
"""A message at offset n belongs to table partition n % 2, so that a batch of two spans both."""


@dataclass(frozen=True)
class Rules:
    """What protects. The tests switch each one off and see that the search then finds a way to lose or to double."""

    keeps_offsets: bool = True  # the table is a plain MergeTree; else only the record protects
    fence: bool = True
    waits: bool = True
    scan: bool = True
    record: bool = True
    token: bool = True
    commits_after_insert: bool = True
    group_refuses_former_members: bool = True


@dataclass(frozen=True)
class Budget:
    """How much may go wrong on one way through the world."""

    moves: int = 2  # of the partition to the other worker
    crashes: int = 1
    failures: int = 1  # inserts that end with an error or whose answer is lost
    forgotten: int = 0  # times that so many other inserts came that tokens are known no more
    resets: int = 0  # of the group's offset to the beginning, with its record gone, while no worker runs


class At(IntEnum):
    """How far an insert has come in ClickHouse."""

    SENT = 0  # on the way: no process of ClickHouse's yet
    ADMITTED = 1  # past the fence
    HALF = 2  # the first table partition is stored
    WHOLE = 3  # both are, and nothing of the rollup behind the table
    DONE = 4  # all of it, and its worker knows


@dataclass
class Insert:
    worker: str
    life: int
    owner: int
    batch: Batch
    at: At = At.SENT
    filled: int = 0  # how many targets of views have it, in `views.py`


class Stage(IntEnum):
    OUT = 0  # it has no partition, or knows that it has lost it
    ASSIGNED = 1
    FENCED = 2
    QUIET = 3
    OPEN = 4


@dataclass
class Worker:
    life: int = 0  # counts crashes: an answer for an earlier life reaches nobody
    stage: Stage = Stage.OUT
    owner: int = 0
    start: ResumePoint = field(default_factory=lambda: ResumePoint(0))
    queue: PartitionQueue | None = None
    next_offset: int = 0
    committed: tuple[int, str] = (0, "")


def run_of(offset: int) -> Run:
    return Run("topic", 0, [b"v"], [offset], [1_000], payload_bytes=1)


def worker_key(worker: Worker) -> object:
    queue = worker.queue
    held = queue and (
        queue.mark.position,
        tuple(queue.plan),
        tuple(queue.present.firsts),
        tuple(queue.cuts),
        tuple((tuple(part.offsets), part.cut, part.is_closed) for part in queue.waiting),
        tuple(batch.token for batch in queue.sealed),
        queue.sending and queue.sending.token,
        queue.on_record,
        queue._skipped_to,
    )
    start = (worker.start.position, worker.start.cuts)
    return (worker.stage, start, worker.next_offset, worker.committed, held)


def batch_of(cut: Cut) -> Batch:
    """A batch with the boundaries of `cut`."""
    builder = BatchBuilder(0.0)
    offsets = [cut.first, *range(cut.first + 1, cut.first + cut.rows - 1), cut.last][-cut.rows :]
    builder.append(Run("topic", 0, [b""] * cut.rows, offsets, [0] * cut.rows))
    return builder.build(ORIGIN)
