"""Batches: neighbouring messages of one partition, column by column, named by a token that says what they hold."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ingest_worker.storing import native_format
from ingest_worker.storing.messages import Run
from ingest_worker.storing.native_format import Texts
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.storing.record import Cut
from schemas.mapping.landing import Landing
from schemas.own_names import FENCE_KEY, HEADERS, KEY, OFFSET, OWNER, PARTITION, TIMESTAMP, TOPIC, VALUE

# What a message costs beside its bytes: its offset, its timestamp, the length of its value, and spare room at the end
# of the arrays that grow.
ROW_OVERHEAD_BYTES = 22


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch's messages come from and which data source they go to. `replay` is a replay's run, else 0."""

    data_source: str
    topic: str
    topic_id: str
    partition: int
    replay: int = 0

    @property
    def partition_id(self) -> PartitionId:
        return PartitionId(self.topic, self.partition)


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
    Texts are kept as they are sent; offsets and timestamps are arrays of type `q`.
    """

    origin: Origin
    values: Texts
    offsets: array[int]
    timestamps: array[int]  # milliseconds since 1970, -1 where the broker has none
    keys: Texts
    headers: list[dict[str, bytes]]
    payload_bytes: int

    @property
    def rows(self) -> int:
        return len(self.offsets)

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

    def block(self, landing: Landing, fence_key: str, owner: int) -> Iterator[bytes | bytearray]:
        """The rows of `landing` that these messages are, in ClickHouse's Native format."""
        same: dict[str, int | str] = {
            TOPIC: self.origin.topic,
            PARTITION: self.origin.partition,
            FENCE_KEY: fence_key,
            OWNER: owner,
        }
        own: dict[str, Callable[[], Iterable[bytes | bytearray]]] = {
            OFFSET: lambda: [native_format.integers(self.offsets)],
            TIMESTAMP: lambda: [native_format.integers(self.timestamps)],
            VALUE: lambda: self.values.parts,
            KEY: lambda: self.keys.parts,
            HEADERS: lambda: native_format.maps(self.headers),
        }
        columns = (
            (name, kind, own[name]() if name in own else [native_format.repeated(kind, same[name], self.rows)])
            for name, kind in landing.columns
        )
        return native_format.block(list(columns), self.rows)

    def free(self) -> None:
        """Give up the messages and keep what names them, once the batch is stored: whoever still looks at it must not
        hold memory that the budget counts as free."""
        self.values.clear()
        self.keys.clear()
        self.headers.clear()


@dataclass(slots=True)
class BatchBuilder:
    """A batch that still grows. `started_at` is when its first message was added, on the caller's clock.

    `cut` says where it ends when a former owner has cut it already. A closed one takes nothing more.
    """

    started_at: float
    cut: Cut | None = None
    is_closed: bool = False
    values: Texts = field(default_factory=Texts)
    offsets: array[int] = field(default_factory=lambda: array("q"))
    timestamps: array[int] = field(default_factory=lambda: array("q"))
    keys: Texts = field(default_factory=Texts)
    headers: list[dict[str, bytes]] = field(default_factory=list)
    payload_bytes: int = 0

    @property
    def rows(self) -> int:
        return len(self.offsets)

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
        self.values.append(run.values)
        self.offsets.fromlist(list(run.offsets))
        self.timestamps.fromlist(list(run.timestamps))
        self.keys.append(run.keys)
        self.headers += run.headers
        self.payload_bytes += run.payload_bytes

    def as_run(self, origin: Origin) -> Run:
        """All of it as a run again."""
        return Run(
            topic=origin.topic,
            partition=origin.partition,
            values=list(self.values),
            offsets=list(self.offsets),
            timestamps=list(self.timestamps),
            keys=list(self.keys),
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
