"""Observations as Prometheus metrics: every name the worker exports, with its meaning, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest_worker.observing.observations import (
    BatchStored,
    CommitFailed,
    DataSourceStalled,
    HandoverOdd,
    InsertFailed,
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
    PartitionsRevoked,
    RowsAlreadyPresent,
    RowsReleased,
    ServerAnswers,
    ServerLost,
    SourceRestarted,
    SourceTimed,
    TopicGone,
    TopicReplaced,
    UnexpectedFailure,
)
from ingest_worker.status import DataSourceStatus, PartitionStatus, WorkerStatus
from ingest_worker.storing.fence.ownership import OwnerState

PREFIX = "birdhouse_ingest_"

# name → (help, labels)
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "messages_consumed": ("Messages read from Kafka for a data source.", ("data_source", "topic")),
    "consumed_bytes": ("Bytes of their values and keys.", ("data_source", "topic")),
    "rows_inserted": ("Messages stored in the data source's table.", ("data_source",)),
    "rows_quarantined": ("Messages stored in quarantine.", ("data_source",)),
    "quarantine_reasons": (
        "Quarantined messages by column that was wrong, `__value` when the message as a whole was.",
        ("data_source", "column"),
    ),
    "rows_released": (
        "Messages read and given back unsaved, to be read again by the partition's next owner.",
        ("data_source",),
    ),
    "rows_already_present": (
        "Messages read and left out, because a former owner of the partition has stored them.",
        ("data_source",),
    ),
    "inserts": (
        "Inserts by how they ended: `stored`, or what was decided after a failure.",
        ("data_source", "outcome"),
    ),
    "insert_errors": (
        "Failed inserts by ClickHouse's error code, `none` when it did not answer.",
        ("data_source", "code"),
    ),
    "insert_retries": ("Times that a batch was sent again.", ("data_source",)),
    "stalls": ("Times that a data source began to fail in a way that somebody must mend.", ("data_source",)),
    "ownership_claims": ("Claims of assigned partitions in ClickHouse: `taken` or `delayed`.", ("group", "outcome")),
    "takeover_seconds": ("Where the time of takeovers goes: `fence`, `await`, `scan`.", ("group", "step")),
    "inserts_killed": ("Inserts of former owners that had to be killed.", ("group",)),
    "batches_completed": ("Batches that a former owner may have left half done, to be sent again.", ("group",)),
    "handovers_odd": (
        "Takeovers in which the group's record was not enough: another group, or an offset that no worker wrote.",
        ("group",),
    ),
    "fenced": ("Partitions for which ClickHouse said that somebody else owns them.", ("data_source",)),
    "rebalances": ("Changes by the group: partitions `assigned`, `revoked` or `lost`.", ("group", "event")),
    "commits": ("Offset commits: `done` or `failed`.", ("group", "outcome")),
    "pauses": ("Times that reading stopped because the buffer was full.", ("data_source",)),
    "partitions_broken": ("Partitions that Kafka cannot serve from the group's offset.", ("group",)),
    "topics_replaced": ("Topics that were deleted and made again.", ("group",)),
    "topics_gone": ("Topics that were deleted under the worker.", ("group",)),
    "unexpected_failures": (
        "Failures that nobody thought of, by kind of thread, or `observer`: the log has the traceback. The work is"
        " taken up again.",
        ("where",),
    ),
    "source_restarts": ("Consumers that failed and were replaced.", ("group",)),
    "source_seconds": ("Where the reading thread's time goes.", ("step",)),
}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_ROWS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)
_BYTES = (1_000, 10_000, 100_000, 1_000_000, 4_000_000, 16_000_000, 32_000_000, 64_000_000, 128_000_000)
# name → (help, upper bounds)
HISTOGRAMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "insert_seconds": ("Time of a successful insert.", _SECONDS),
    "batch_rows": ("Messages in a stored batch.", _ROWS),
    "batch_bytes": ("Bytes of messages in a stored batch.", _BYTES),
    "queryable_seconds": ("From the timestamp of a batch's first message until it could be queried.", _LATENCY),
}
_OF_PARTITION = ("data_source", "topic", "partition")
# name → (help, labels, how to read it)
PARTITION_GAUGES: dict[str, tuple[str, Callable[[PartitionStatus], float | None]]] = {
    "lag_messages": (
        "Messages that the broker has and the group has not committed; absent while nobody knows.",
        lambda p: p.lag_messages,
    ),
    "lag_seconds": (
        "Age of the oldest message that is read and not stored, 0 without lag; absent while nobody knows.",
        lambda p: p.lag_seconds,
    ),
    "lag_age_seconds": (
        "Since when the broker has not said where a partition ends; above 15 its lag is not known.",
        lambda p: p.lag_age_seconds,
    ),
    "committed_offset": ("The group's committed offset.", lambda p: p.committed_offset),
    "next_offset": ("The next offset that will be read.", lambda p: p.next_offset),
    "partition_paused": ("1 while nothing is read of a partition.", lambda p: float(p.is_paused)),
    "partition_owned": (
        "1 while ClickHouse takes this worker's inserts for a partition.",
        lambda p: float(p.owner_state == OwnerState.OWNED),
    ),
}
DATA_SOURCE_GAUGES: dict[str, tuple[str, Callable[[DataSourceStatus], float]]] = {
    "buffered_rows": ("Messages read and not yet stored.", lambda d: d.buffered_rows),
    "buffered_bytes": ("Bytes of those messages.", lambda d: d.buffered_bytes),
    "inserts_in_flight": ("Batches that are being inserted, retries included.", lambda d: d.inserts_in_flight),
    "batch_scale": (
        "How much larger or smaller than set batches are, after errors 252 and 241.",
        lambda d: d.batch_scale,
    ),
    "stalled": ("1 while inserts fail in a way that somebody must mend.", lambda d: float(d.last_error is not None)),
}

# name → (help, how to read it)
WORKER_GAUGES: dict[str, tuple[str, Callable[[WorkerStatus], float]]] = {
    "schema_differences": (
        "What of the project's schema is otherwise in ClickHouse, or was changed there by hand; 0 when all is well.",
        lambda worker: len(worker.schema_differences),
    ),
}


class Metrics:
    """Counts observations in `registry`. `observe` may be called from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(PREFIX + name, text, labels, registry=registry) for name, (text, labels) in COUNTERS.items()
        }
        # `labels()` validates and locks; what is counted for every call of the consumer must not pay for that.
        self._labelled: dict[tuple[str, ...], Counter] = {}
        self._reachable = Gauge(
            PREFIX + "server_reachable",
            "Whether a server answers and lets us, 0 after two looks in a row that failed.",
            ("server",),
            registry=registry,
        )
        self._histograms = {
            name: Histogram(PREFIX + name, text, ("data_source",), buckets=bounds, registry=registry)
            for name, (text, bounds) in HISTOGRAMS.items()
        }

    def observe(self, observation: Observation) -> None:
        match observation:
            case MessagesConsumed(data_source, topic, messages, payload_bytes):
                self._count("messages_consumed", data_source, topic, by=messages)
                self._count("consumed_bytes", data_source, topic, by=payload_bytes)
            case SourceTimed(step, seconds):
                self._count("source_seconds", step, by=max(0.0, seconds))
            case BatchStored():
                self._count_batch(observation)
            case InsertFailed(data_source=data_source, code=code, decision=decision):
                self._count("inserts", data_source, decision)
                self._count("insert_errors", data_source, "none" if code is None else str(code))
            case RowsReleased(data_source, rows):
                self._count("rows_released", data_source, by=rows)
            case RowsAlreadyPresent(data_source=data_source, rows=rows):
                self._count("rows_already_present", data_source, by=rows)
            case PartitionsRecovered():
                self._count_recovery(observation)
            case _:
                self._count_rare(observation)

    def _count_batch(self, batch: BatchStored) -> None:
        name = batch.data_source
        self._count("inserts", name, "stored")
        self._count("insert_retries", name, by=batch.attempts - 1)
        self._count("rows_inserted", name, by=batch.rows - batch.quarantined)
        self._count("rows_quarantined", name, by=batch.quarantined)
        for column, rows in batch.quarantined_by_column.items():
            self._count("quarantine_reasons", name, column, by=rows)
        self._histograms["insert_seconds"].labels(name).observe(batch.seconds)
        self._histograms["batch_rows"].labels(name).observe(batch.rows)
        self._histograms["batch_bytes"].labels(name).observe(batch.payload_bytes)
        if batch.queryable_seconds is not None:
            self._histograms["queryable_seconds"].labels(name).observe(batch.queryable_seconds)

    def _count_recovery(self, recovery: PartitionsRecovered) -> None:
        group = recovery.group
        self._count("takeover_seconds", group, "fence", by=recovery.fence_seconds)
        self._count("takeover_seconds", group, "await", by=recovery.await_seconds)
        self._count("takeover_seconds", group, "scan", by=recovery.scan_seconds)
        self._count("inserts_killed", group, by=recovery.inserts_killed)
        self._count("batches_completed", group, by=recovery.batches_to_complete)

    def _count_rare(self, observation: Observation) -> None:
        match observation:
            case DataSourceStalled(data_source=data_source):
                self._count("stalls", data_source)
            case OwnershipTaken(group=group):
                self._count("ownership_claims", group, "taken")
            case OwnershipDelayed(group=group):
                self._count("ownership_claims", group, "delayed")
            case HandoverOdd(group=group):
                self._count("handovers_odd", group)
            case PartitionFenced(data_source=data_source):
                self._count("fenced", data_source)
            case PartitionsAssigned(group=group):
                self._count("rebalances", group, "assigned")
            case PartitionsRevoked(group=group):
                self._count("rebalances", group, "revoked")
            case PartitionsLost(group=group):
                self._count("rebalances", group, "lost")
            case OffsetsCommitted(group=group):
                self._count("commits", group, "done")
            case CommitFailed(group=group):
                self._count("commits", group, "failed")
            case PartitionsPaused(data_source=data_source):
                self._count("pauses", data_source)
            case PartitionBroken(group=group):
                self._count("partitions_broken", group)
            case ServerLost(server=server):
                self._reachable.labels(server).set(0)
            case ServerAnswers(server=server):
                self._reachable.labels(server).set(1)
            case SourceRestarted(group=group):
                self._count("source_restarts", group)
            case TopicReplaced(group=group):
                self._count("topics_replaced", group)
            case TopicGone(group=group):
                self._count("topics_gone", group)
            case UnexpectedFailure(where=where):
                self._count("unexpected_failures", where)

    def _count(self, name: str, *labels: str, by: float = 1) -> None:
        counter = self._labelled.get((name, *labels))
        if counter is None:
            counter = self._labelled[name, *labels] = self._counters[name].labels(*labels)
        counter.inc(by)


class StatusCollector(Collector):
    """The gauges, read from the worker's status when they are asked for."""

    def __init__(self, status: Callable[[], WorkerStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        for name, (text, of_worker) in WORKER_GAUGES.items():
            yield GaugeMetricFamily(PREFIX + name, text, value=of_worker(status))
        for name, (text, of_partition) in PARTITION_GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, text, labels=_OF_PARTITION)
            for partition in status.partitions:
                value = of_partition(partition)
                if value is not None:
                    gauge.add_metric([partition.data_source, partition.topic, str(partition.partition)], value)
            yield gauge
        for name, (text, of_data_source) in DATA_SOURCE_GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, text, labels=("data_source",))
            for data_source in status.data_sources:
                gauge.add_metric([data_source.data_source], of_data_source(data_source))
            yield gauge
