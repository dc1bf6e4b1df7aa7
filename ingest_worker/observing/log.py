"""Observations as log lines: one a batch, none a message."""

from __future__ import annotations

import logging
from dataclasses import fields

from ingest_worker.observing.observations import (
    BatchStored,
    CommitFailed,
    DataSourceRecovered,
    DataSourceStalled,
    HandoverOdd,
    InsertFailed,
    KafkaTroubled,
    MessagesConsumed,
    Observation,
    OffsetsCommitted,
    OwnershipDelayed,
    OwnershipTaken,
    PartitionBroken,
    PartitionFenced,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsPaused,
    PartitionsRecovered,
    PartitionsResumed,
    PartitionsRevoked,
    QuarantineUncounted,
    RowsAlreadyPresent,
    RowsReleased,
    SchemaApplied,
    SchemaDiffers,
    SchemaMatches,
    ServerAnswers,
    ServerAwaited,
    ServerLost,
    SourceRestarted,
    SourceTimed,
    TopicCreated,
    TopicGone,
    TopicReplaced,
    UnexpectedFailure,
    WorkerStarted,
    WorkerStopped,
)

logger = logging.getLogger("ingest_worker")

# What is not here is only counted: it happens too often to be read.
LINES: dict[type[Observation], tuple[int, str]] = {
    BatchStored: (logging.INFO, "inserted"),
    QuarantineUncounted: (logging.WARNING, "could not count what went to quarantine"),
    InsertFailed: (logging.WARNING, "insert failed, the batch is kept"),
    RowsReleased: (logging.INFO, "gave messages back unsaved"),
    RowsAlreadyPresent: (logging.INFO, "left out messages that are stored already"),
    DataSourceStalled: (logging.ERROR, "data source stalled until its cause is mended"),
    DataSourceRecovered: (logging.INFO, "data source goes on"),
    PartitionsAssigned: (logging.INFO, "partitions assigned"),
    PartitionsRevoked: (logging.INFO, "partitions revoked"),
    PartitionsLost: (logging.WARNING, "partitions lost, nothing of them is committed"),
    OwnershipTaken: (logging.INFO, "took ownership"),
    PartitionsRecovered: (logging.INFO, "recovered"),
    OwnershipDelayed: (logging.WARNING, "cannot take ownership yet, the partitions stay paused"),
    HandoverOdd: (logging.WARNING, "what is stored was read back, as the group's record is not enough"),
    PartitionFenced: (logging.ERROR, "somebody else owns the partition, stopped inserting for it for now"),
    PartitionsPaused: (logging.INFO, "buffer is full, paused reading"),
    PartitionsResumed: (logging.INFO, "resumed reading"),
    OffsetsCommitted: (logging.DEBUG, "committed"),
    CommitFailed: (logging.WARNING, "commit failed, will be repeated"),
    PartitionBroken: (logging.ERROR, "partition cannot be read"),
    KafkaTroubled: (logging.WARNING, "kafka client reports trouble"),
    SourceRestarted: (logging.WARNING, "consumer failed, joining the group again"),
    TopicReplaced: (logging.WARNING, "topic was made again, loading the new one from its beginning"),
    TopicGone: (logging.ERROR, "topic was deleted, nothing of it is read until it is made again"),
    TopicCreated: (logging.INFO, "created topic"),
    ServerAwaited: (logging.WARNING, "waiting for a server"),
    ServerAnswers: (logging.INFO, "a server answers"),
    ServerLost: (logging.WARNING, "a server does not answer"),
    SchemaDiffers: (logging.ERROR, "the deployed schema is not the project's"),
    SchemaMatches: (logging.INFO, "the deployed schema is the project's again"),
    SchemaApplied: (logging.INFO, "deployed the project's schema"),
    WorkerStarted: (logging.INFO, "started"),
    WorkerStopped: (logging.INFO, "stopped"),
}
# The last is logged where it happens, with its traceback.
COUNTED_ONLY: frozenset[type[Observation]] = frozenset({MessagesConsumed, SourceTimed, UnexpectedFailure})


def log_observation(observation: Observation) -> None:
    """Write the observation's line, if it has one, with its members as the line's fields."""
    line = LINES.get(type(observation))
    if line is None or not logger.isEnabledFor(line[0]):
        return
    level, message = line
    members = {field.name: getattr(observation, field.name) for field in fields(observation)}
    logger.log(level, message, extra={"fields": {name: _short(value) for name, value in members.items()}})


def _short(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, tuple) and all(isinstance(member, str) for member in value):
        return ", ".join(value)
    return value
