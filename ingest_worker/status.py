"""What a worker looks like at one moment: what `/status` shows and the gauges measure."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass

from ingest_worker.pipeline.assignment import Assignment
from ingest_worker.pipeline.buffer import Buffer, Stall
from ingest_worker.pipeline.partition_queue import Load
from ingest_worker.storing.fence.ownership import OwnerState
from ingest_worker.storing.partitions import PartitionId
from ingest_worker.takeover.partition import Partition


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of one data source. Offsets are the next to be read; None where nobody knows yet, or any more:
    a lag whose measure is older than 15 s is no lag. `lag_age_seconds` is how long ago the broker last said where the
    partition ends."""

    data_source: str
    group: str
    topic: str
    partition: int
    owner_state: str
    committed_offset: int | None
    next_offset: int
    lag_messages: int | None
    lag_seconds: float | None
    lag_age_seconds: float | None
    buffered_rows: int
    buffered_bytes: int
    is_inserting: bool
    is_paused: bool
    last_error: str | None


@dataclass(frozen=True, slots=True)
class DataSourceStatus:
    """One data source; `last_error` says why it is stalled, None while it is not, and `broken_view` which view fails,
    if that is why."""

    data_source: str
    buffered_rows: int
    buffered_bytes: int
    inserts_in_flight: int
    batch_scale: float
    last_error: str | None
    broken_view: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    data_sources: tuple[DataSourceStatus, ...]
    partitions: tuple[PartitionStatus, ...]
    schema_differences: tuple[str, ...] = ()

    def as_json(self) -> Mapping[str, object]:
        return asdict(self)


def status_of(
    buffers: Collection[Buffer],
    assignments: Iterable[tuple[str, Assignment]],
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> WorkerStatus:
    """The status of everything; `assignments` by consumer group. May be called from any thread."""
    loads = {buffer.data_source: buffer.loads() for buffer in buffers}
    partitions = tuple(
        _partition_status(group, partition, buffer, loads[buffer.data_source], now(), clock())
        for group, assignment in assignments
        for partition in list(assignment.partitions.values())
        for buffer in assignment.buffers_of(partition)
    )
    return WorkerStatus(tuple(_data_source_status(buffer, loads[buffer.data_source]) for buffer in buffers), partitions)


_NOTHING = Load(rows=0, payload_bytes=0, is_inserting=False, oldest_timestamp=None)


def _partition_status(
    group: str, partition: Partition, buffer: Buffer, loads: Mapping[PartitionId, Load], now: float, tick: float
) -> PartitionStatus:
    load = loads.get(partition.id, _NOTHING)
    is_stale = partition.is_stale(tick)
    stall = _reason(buffer.stalls.get(partition.id))
    lag_seconds = None if is_stale else partition.lag_seconds(now, load.oldest_timestamp)
    return PartitionStatus(
        data_source=buffer.data_source,
        group=group,
        topic=partition.topic,
        partition=partition.number,
        owner_state=partition.state.value,
        committed_offset=partition.committed,
        next_offset=partition.next_offset,
        lag_messages=None if is_stale else partition.lag_messages,
        lag_seconds=None if lag_seconds is None else round(lag_seconds, 3),
        lag_age_seconds=None if partition.high is None else round(tick - partition.high_at, 1),
        buffered_rows=load.rows,
        buffered_bytes=load.payload_bytes,
        is_inserting=load.is_inserting,
        is_paused=partition.is_paused,
        last_error=partition.error or stall or _fenced(partition) or _refused(partition),
    )


def _reason(stall: Stall | None) -> str | None:
    return stall.reason if stall is not None else None


def _refused(partition: Partition) -> str | None:
    return partition.refusal.text if partition.refusal is not None else None


def _fenced(partition: Partition) -> str | None:
    return "somebody else owns the partition in ClickHouse" if partition.state is OwnerState.FENCED else None


def _data_source_status(buffer: Buffer, loads: Mapping[PartitionId, Load]) -> DataSourceStatus:
    stall = buffer.stalled
    return DataSourceStatus(
        data_source=buffer.data_source,
        buffered_rows=sum(load.rows for load in loads.values()),
        buffered_bytes=sum(load.payload_bytes for load in loads.values()),
        inserts_in_flight=sum(load.is_inserting for load in loads.values()),
        batch_scale=round(buffer.scale.factor, 3),
        last_error=_reason(stall),
        broken_view=stall.view if stall is not None else None,
    )
