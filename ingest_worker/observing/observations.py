"""Everything about a worker that is worth knowing, as one closed set of types; the log and the metrics read it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

logger = logging.getLogger(__name__)
# What fails at every observation would fill the log: the metric counts them all.
_REPEAT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class MessagesConsumed:
    """Messages of one topic were read for one data source."""

    data_source: str
    topic: str
    messages: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class SourceTimed:
    """Where the reading thread's time went: seconds in one step of its loop."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchStored:
    """ClickHouse acknowledged a batch."""

    data_source: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    rows: int
    payload_bytes: int
    quarantined: int
    quarantined_by_column: Mapping[str, int]
    seconds: float  # of the insert alone
    queryable_seconds: float | None  # from the first message's timestamp to now; None where it has none
    attempts: int
    query_id: str


@dataclass(frozen=True, slots=True)
class QuarantineUncounted:
    """A stored batch's quarantined messages could not be counted: all of its rows are reported as inserted."""

    data_source: str
    rows: int


@dataclass(frozen=True, slots=True)
class InsertFailed:
    """An insert ended in anything but success; the batch is kept. `decision` is what happens to it."""

    data_source: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    rows: int
    code: int | None  # ClickHouse's; None when it did not answer
    decision: str
    attempt: int
    retry_seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class RowsReleased:
    """Messages were read and given back unsaved, for the partition's next owner to read again."""

    data_source: str
    rows: int


@dataclass(frozen=True, slots=True)
class RowsAlreadyPresent:
    """Messages were read and left out, because a former owner has stored them."""

    data_source: str
    topic: str
    partition: int
    rows: int


@dataclass(frozen=True, slots=True)
class DataSourceStalled:
    """An alarm: a data source's inserts fail and will go on failing until somebody mends the cause."""

    data_source: str
    error: str


@dataclass(frozen=True, slots=True)
class DataSourceRecovered:
    data_source: str


@dataclass(frozen=True, slots=True)
class PartitionsAssigned:
    group: str
    partitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionsRevoked:
    """The group takes partitions away in order; `drained` says whether all that was being inserted was finished."""

    group: str
    partitions: tuple[str, ...]
    drained: bool


@dataclass(frozen=True, slots=True)
class PartitionsLost:
    """The group gave partitions to others without asking: nothing of them is committed."""

    group: str
    partitions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class OwnershipTaken:
    group: str
    partitions: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PartitionsRecovered:
    """What a takeover found: inserts of former owners that had to be killed, recorded batches that may be half done
    and will be sent again, offsets from the committed ones on that are stored already."""

    group: str
    partitions: tuple[str, ...]
    fence_seconds: float
    await_seconds: float
    scan_seconds: float
    inserts_killed: int
    batches_to_complete: int
    offsets_present: int


@dataclass(frozen=True, slots=True)
class OwnershipDelayed:
    """A takeover failed and will be tried again; the partitions stay paused."""

    group: str
    partitions: tuple[str, ...]
    retry_seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class PartitionFenced:
    """ClickHouse refused an insert because somebody else owns the partition: the worker stopped inserting for it."""

    data_source: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class PartitionsPaused:
    """The memory budget is used up: nothing more is read for this data source for now."""

    data_source: str
    partitions: int
    buffered_bytes: int


@dataclass(frozen=True, slots=True)
class PartitionsResumed:
    data_source: str
    partitions: int


@dataclass(frozen=True, slots=True)
class OffsetsCommitted:
    """One commit; `offsets` are the next offsets to read, by partition (`topic/partition`)."""

    group: str
    offsets: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CommitFailed:
    group: str
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class PartitionBroken:
    """Kafka cannot serve a partition from where the group stands; the others go on."""

    group: str
    topic: str
    partition: int
    error: str
    hint: str


@dataclass(frozen=True, slots=True)
class HandoverOdd:
    """A partition was not left to this worker as a worker of its group leaves it; what is stored was read back.
    `not_stored` are offsets that the group has passed and that are not in the tables."""

    group: str
    partitions: tuple[str, ...]
    reason: str
    not_stored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KafkaTroubled:
    """The Kafka client reports a trouble that it works on by itself, such as a broker that is away."""

    group: str
    error: str


@dataclass(frozen=True, slots=True)
class SourceRestarted:
    """The consumer failed and is replaced by a new one."""

    group: str
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class TopicReplaced:
    """A topic was deleted and made again: it is loaded from its beginning, under its new id."""

    group: str
    topic: str
    former_id: str
    topic_id: str


@dataclass(frozen=True, slots=True)
class TopicGone:
    """A topic was deleted: nothing of it is read until it is made again. The others go on."""

    group: str
    topic: str


@dataclass(frozen=True, slots=True)
class UnexpectedFailure:
    """Something failed that nobody thought of; its traceback is in the log, and the work is taken up again. `where` is
    the kind of the thread, or `observer` for what only watches."""

    where: str


@dataclass(frozen=True, slots=True)
class TopicCreated:
    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class ServerAwaited:
    """A server that is needed to start cannot be used yet."""

    server: str
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class ServerLost:
    """A server did not answer a look, or refused it, and not the one before either."""

    server: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerAnswers:
    """A server answers looks, for the first time or again."""

    server: str


@dataclass(frozen=True, slots=True)
class SchemaDiffers:
    """The deployed schema is not the project's."""

    database: str
    plan: str
    hint: str


@dataclass(frozen=True, slots=True)
class SchemaMatches:
    """The deployed schema is the project's again."""

    database: str


@dataclass(frozen=True, slots=True)
class SchemaApplied:
    database: str
    plan: str


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    data_sources: tuple[str, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """`drained` says whether everything that was read is stored and committed."""

    drained: bool


Observation = (
    MessagesConsumed
    | SourceTimed
    | BatchStored
    | QuarantineUncounted
    | InsertFailed
    | RowsReleased
    | RowsAlreadyPresent
    | DataSourceStalled
    | DataSourceRecovered
    | PartitionsAssigned
    | PartitionsRevoked
    | PartitionsLost
    | OwnershipTaken
    | PartitionsRecovered
    | OwnershipDelayed
    | HandoverOdd
    | PartitionFenced
    | PartitionsPaused
    | PartitionsResumed
    | OffsetsCommitted
    | CommitFailed
    | PartitionBroken
    | KafkaTroubled
    | SourceRestarted
    | TopicReplaced
    | TopicGone
    | UnexpectedFailure
    | TopicCreated
    | ServerAwaited
    | ServerLost
    | ServerAnswers
    | SchemaDiffers
    | SchemaMatches
    | SchemaApplied
    | WorkerStarted
    | WorkerStopped
)

Observer = Callable[[Observation], None]
"""What every part of the worker tells its observations to, from any thread. It must not block."""


def observe_by(*observers: Observer) -> Observer:
    """One observer that hands every observation to all of them, and never raises: what only watches must not end what
    works. An observer that fails is logged with its traceback, and counted by those that can."""
    quiet_until: dict[tuple[int, type, type], float] = {}

    def observe(observation: Observation) -> None:
        for number, observer in enumerate(observers):
            try:
                observer(observation)
            except Exception as error:
                kind, now = (number, type(observation), type(error)), time.monotonic()
                if now >= quiet_until.get(kind, now):
                    quiet_until[kind] = now + _REPEAT_SECONDS
                    fields = {"observation": type(observation).__name__}
                    logger.exception("an observer failed, the work goes on", extra={"fields": fields})
                for other in observers:
                    with suppress(Exception):
                        other(UnexpectedFailure("observer"))

    return observe


def report_failure(where: str, error: BaseException, observe: Observer, retry_seconds: float) -> None:
    """Say what nobody expected, with its traceback. Whoever calls this goes on after that time."""
    fields = {"where": where, "retry_seconds": round(retry_seconds, 3)}
    logger.error("unexpected failure, the work is taken up again", exc_info=error, extra={"fields": fields})
    observe(UnexpectedFailure(where))
