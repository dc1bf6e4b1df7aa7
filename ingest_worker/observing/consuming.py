"""What the consumer reads from Kafka and commits, where its time goes, and its troubles."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter

_COMMITS = Counter("commits", "Offset commits: `done` or `failed`.", ("group", "outcome"))


@dataclass(frozen=True, slots=True)
class MessagesConsumed(Observation):
    """Messages of one topic were read for one data source."""

    log = Without("it happens too often to be read")
    metrics = (
        Counter("messages_consumed", "Messages read from Kafka for a data source.", ("data_source", "topic")).inc(
            "messages"
        ),
        Counter("consumed_bytes", "Bytes of their values and keys.", ("data_source", "topic")).inc("payload_bytes"),
    )

    data_source: str
    topic: str
    messages: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class SourceTimed(Observation):
    """Where the reading thread's time went: seconds in one step of its loop."""

    log = Without("it happens too often to be read")
    metrics = (
        Counter("source_seconds", "Where the reading thread's time goes.", ("step",)).inc(
            lambda timed: max(0.0, timed.seconds)
        ),
    )

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PartitionsPaused(Observation):
    """The memory budget is used up: nothing more is read for this data source for now."""

    log = Line(logging.INFO, "buffer is full, paused reading")
    metrics = (Counter("pauses", "Times that reading stopped because the buffer was full.", ("data_source",)).inc(),)

    data_source: str
    partitions: int
    buffered_bytes: int


@dataclass(frozen=True, slots=True)
class PartitionsResumed(Observation):
    log = Line(logging.INFO, "resumed reading")
    metrics = Without("`partition_paused` of the status shows it")

    data_source: str
    partitions: int


@dataclass(frozen=True, slots=True)
class OffsetsCommitted(Observation):
    """One commit; `offsets` are the next offsets to read, by partition (`topic/partition`)."""

    log = Line(logging.DEBUG, "committed")
    metrics = (_COMMITS.inc(outcome="done"),)

    group: str
    offsets: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CommitFailed(Observation):
    log = Line(logging.WARNING, "commit failed, will be repeated")
    metrics = (_COMMITS.inc(outcome="failed"),)

    group: str
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class KafkaTroubled(Observation):
    """The Kafka client reports a trouble that it works on by itself, such as a broker that is away."""

    log = Line(logging.WARNING, "kafka client reports trouble")
    metrics = Without("the client works on it by itself; what it delays shows in the lag")

    group: str
    error: str


@dataclass(frozen=True, slots=True)
class SourceRestarted(Observation):
    """The consumer failed and is replaced by a new one."""

    log = Line(logging.WARNING, "consumer failed, joining the group again")
    metrics = (Counter("source_restarts", "Consumers that failed and were replaced.", ("group",)).inc(),)

    group: str
    error: str
    retry_seconds: float
