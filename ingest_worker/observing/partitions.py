"""Whose the partitions are, which of them cannot be read, and which messages are left to another owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line
from service.observing.metric import Counter

_REBALANCES = Counter(
    "rebalances", "Changes by the group: partitions `assigned`, `revoked` or `lost`.", ("group", "event")
)
_ROWS_RELEASED = Counter(
    "rows_released",
    "Messages read and given back unsaved, to be read again by the partition's next owner.",
    ("data_source",),
)
_ROWS_ALREADY_PRESENT = Counter(
    "rows_already_present",
    "Messages read and left out, because a former owner of the partition has stored them.",
    ("data_source",),
)


@dataclass(frozen=True, slots=True)
class PartitionsAssigned(Observation):
    log = Line(logging.INFO, "partitions assigned")
    metrics = (_REBALANCES.inc(event="assigned"),)

    group: str
    partitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionsRevoked(Observation):
    """The group takes partitions away in order; `drained` says whether all that was being inserted was finished."""

    log = Line(logging.INFO, "partitions revoked")
    metrics = (_REBALANCES.inc(event="revoked"),)

    group: str
    partitions: tuple[str, ...]
    drained: bool


@dataclass(frozen=True, slots=True)
class PartitionsLost(Observation):
    """The group gave partitions to others without asking: nothing of them is committed."""

    log = Line(logging.WARNING, "partitions lost, nothing of them is committed")
    metrics = (_REBALANCES.inc(event="lost"),)

    group: str
    partitions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PartitionFenced(Observation):
    """ClickHouse refused an insert because somebody else owns the partition: the worker stopped inserting for it."""

    log = Line(logging.ERROR, "somebody else owns the partition, stopped inserting for it for now")
    metrics = (
        Counter("fenced", "Partitions for which ClickHouse said that somebody else owns them.", ("data_source",)).inc(),
    )

    data_source: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class PartitionBroken(Observation):
    """Kafka cannot serve a partition from where the group stands; the others go on."""

    log = Line(logging.ERROR, "partition cannot be read")
    metrics = (
        Counter("partitions_broken", "Partitions that Kafka cannot serve from the group's offset.", ("group",)).inc(),
    )

    group: str
    topic: str
    partition: int
    error: str
    hint: str


@dataclass(frozen=True, slots=True)
class RowsReleased(Observation):
    """Messages were read and given back unsaved, for the partition's next owner to read again."""

    log = Line(logging.INFO, "gave messages back unsaved")
    metrics = (_ROWS_RELEASED.inc("rows"),)

    data_source: str
    rows: int


@dataclass(frozen=True, slots=True)
class RowsAlreadyPresent(Observation):
    """Messages were read and left out, because a former owner has stored them."""

    log = Line(logging.INFO, "left out messages that are stored already")
    metrics = (_ROWS_ALREADY_PRESENT.inc("rows"),)

    data_source: str
    topic: str
    partition: int
    rows: int
