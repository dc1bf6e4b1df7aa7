"""Batches: neighbouring messages of one partition, column by column, named by a token that says what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest_worker.messages import Run
from ingest_worker.record import Cut
from schemas.landing import (
    FENCE_KEY,
    HEADERS,
    KEY,
    OFFSET,
    OWNER,
    PARTITION,
    TIMESTAMP,
    TOPIC,
    VALUE,
    Landing,
)

# What a message costs beside its bytes: the objects of its value, offset and timestamp, and its places in the lists.
ROW_OVERHEAD_BYTES = 144


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch's messages come from and which data source they go to. `replay` is a replay's run, else 0."""

    data_source: str
    topic: str
    topic_id: str
    partition: int
    replay: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one batch may hold, messages and bytes of messages; and the least seconds between two batches of a data
    source that are inserted though they are not full."""

    rows: int
    payload_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition in the order of their offsets, ready to be inserted any number of times.

    Offsets rise but may have holes, where the broker holds no message (compaction, transaction markers).
    """

    origin: Origin
    values: Sequence[bytes]
    offsets: Sequence[int]
    timestamps: Sequence[int]  # milliseconds since 1970, -1 where the broker has none
    keys: Sequence[bytes]
    headers: Sequence[dict[str, bytes]]
    payload_bytes: int

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.rows, self.payload_bytes)

    @property
    def first_offset(self) -> int:
        return self.offsets[0]

    @property
    def last_offset(self) -> int:
        return self.offsets[-1]

    @property
    def token(self) -> str:
        """The insert's deduplication token: equal only for equal content.

        A token used for other rows makes ClickHouse drop them silently. So it names the data source (the tables
        behind two landing tables may be fed by the same topic), the topic by its id (a topic deleted and created
        again starts at offset 0 once more) and the exact range. A replay stores what a worker's batch of the same
        range may have stored before, so that its run is named too; within a run no two batches begin alike.
        """
        origin = self.origin
        run = f"/replay-{origin.replay}" if origin.replay else ""
        return (
            f"{origin.data_source}/{origin.topic_id}/{origin.partition}"
            f"/{self.first_offset}-{self.last_offset}/{self.rows}{run}"
        )

    def columns(self, landing: Landing, fence_key: str, owner: int) -> list[Sequence[object]]:
        """The columns of `landing`, in its order, each with one value a message."""
        rows = self.rows
        by_name: dict[str, Sequence[object]] = {
            TOPIC: [self.origin.topic] * rows,
            PARTITION: [self.origin.partition] * rows,
            OFFSET: self.offsets,
            TIMESTAMP: self.timestamps,
            FENCE_KEY: [fence_key] * rows,
            OWNER: [owner] * rows,
            VALUE: self.values,
            KEY: self.keys,
            HEADERS: self.headers,
        }
        return [by_name[name] for name, _ in landing.columns]


@dataclass(slots=True)
class BatchBuilder:
    """A batch that still grows. `started_at` is when its first message was added, on the caller's clock.

    `cut` says where it ends when a former owner has cut it already. A closed one takes nothing more.
    """

    started_at: float
    cut: Cut | None = None
    is_closed: bool = False
    values: list[bytes] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    headers: list[dict[str, bytes]] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def rows(self) -> int:
        return len(self.values)

    @property
    def memory_bytes(self) -> int:
        return memory_bytes(self.rows, self.payload_bytes)

    @property
    def is_incomplete(self) -> bool:
        """Whether messages of a batch that was cut by a former owner are still to come."""
        return self.cut is not None and (not self.offsets or self.offsets[-1] < self.cut.last)

    def is_full(self, limits: Limits) -> bool:
        return self.rows >= limits.rows or self.payload_bytes >= limits.payload_bytes

    def add(self, run: Run, limits: Limits) -> Run | None:
        """Take as much of `run` as the limits allow; what is left over, if anything, starts the next batch."""
        head, rest = run.split(limits.rows - self.rows, limits.payload_bytes - self.payload_bytes)
        if head is None and self.rows == 0:
            head, rest = run.cut(1)  # a message larger than the limit goes alone
        if head is not None:
            self.append(head)
        return rest

    def append(self, run: Run) -> None:
        """Take all of `run`, whatever the limits are."""
        self.values += run.values
        self.offsets += run.offsets
        self.timestamps += run.timestamps
        self.keys += run.keys
        self.headers += run.headers
        self.payload_bytes += run.payload_bytes

    def as_run(self, origin: Origin) -> Run:
        """All of it as a run again."""
        return Run(
            topic=origin.topic,
            partition=origin.partition,
            values=self.values,
            offsets=self.offsets,
            timestamps=self.timestamps,
            keys=self.keys,
            headers=self.headers,
            payload_bytes=self.payload_bytes,
        )

    def build(self, origin: Origin) -> Batch:
        return Batch(
            origin,
            self.values,
            self.offsets,
            self.timestamps,
            self.keys,
            self.headers,
            payload_bytes=self.payload_bytes,
        )


def memory_bytes(rows: int, payload_bytes: int) -> int:
    """What messages take in this process while they wait."""
    return payload_bytes + rows * ROW_OVERHEAD_BYTES
