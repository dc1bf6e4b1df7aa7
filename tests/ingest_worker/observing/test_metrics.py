"""Metrics: every observation is counted where it belongs, and the sums agree."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from ingest_worker.observing.consuming import (
    CommitFailed,
    MessagesConsumed,
    OffsetsCommitted,
    PartitionsPaused,
    SourceRestarted,
    SourceTimed,
)
from ingest_worker.observing.inserts import BatchStored, DataSourceStalled, InsertFailed
from ingest_worker.observing.metrics import Metrics
from ingest_worker.observing.observations import UnexpectedFailure
from ingest_worker.observing.partitions import (
    PartitionBroken,
    PartitionFenced,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsRevoked,
    RowsReleased,
)
from ingest_worker.observing.takeovers import OwnershipDelayed, OwnershipTaken
from ingest_worker.observing.topics import TopicGone, TopicReplaced

STORED = BatchStored(
    "events", "topic", 3, 0, 9, rows=10, payload_bytes=100, quarantined=2, quarantined_by_column={"a": 2},
    seconds=0.2, queryable_seconds=0.4, attempts=3, query_id="q",
)  # fmt: skip


class Bench:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"birdhouse_ingest_{name}", labels)


def test_a_stored_batch() -> None:
    bench = Bench()
    bench.metrics.observe(MessagesConsumed("events", "topic", 15, 150))
    bench.metrics.observe(STORED)
    bench.metrics.observe(RowsReleased("events", 5))
    consumed = bench.value("messages_consumed_total", data_source="events", topic="topic")
    counted = [
        bench.value(f"rows_{end}_total", data_source="events") for end in ("inserted", "quarantined", "released")
    ]
    assert consumed == 15
    assert counted == [8, 2, 5]
    assert bench.value("quarantine_reasons_total", data_source="events", column="a") == 2
    assert bench.value("insert_retries_total", data_source="events") == 2
    assert bench.value("inserts_total", data_source="events", outcome="stored") == 1
    assert bench.value("batch_rows_sum", data_source="events") == 10
    assert bench.value("queryable_seconds_sum", data_source="events") == 0.4


def test_failures_by_code() -> None:
    bench = Bench()
    for code in (252, None):
        bench.metrics.observe(InsertFailed("events", "topic", 0, 0, 1, 2, code, "retry", 1, 0.5, "no"))
    assert bench.value("insert_errors_total", data_source="events", code="252") == 1
    assert bench.value("insert_errors_total", data_source="events", code="none") == 1
    assert bench.value("inserts_total", data_source="events", outcome="retry") == 2


def test_what_happens_rarely() -> None:
    bench = Bench()
    for observation in (
        DataSourceStalled("events", "why"),
        PartitionFenced("events", "topic", 0),
        PartitionsPaused("events", 1, 9),
        OwnershipTaken("group", (), 0.1),
        OwnershipDelayed("group", (), 0.1, "why"),
        PartitionsAssigned("group", ()),
        PartitionsRevoked("group", (), True),
        PartitionsLost("group", (), "why"),
        OffsetsCommitted("group", {}),
        CommitFailed("group", "why", 1),
        PartitionBroken("group", "topic", 0, "why", "hint"),
        SourceRestarted("group", "why", 1),
        SourceTimed("consume", 0.5),
        TopicReplaced("group", "topic", "former", "new"),
        TopicGone("group", "topic"),
        UnexpectedFailure("inserter"),
    ):
        bench.metrics.observe(observation)
    for name in ("stalls", "fenced", "pauses"):
        assert bench.value(f"{name}_total", data_source="events") == 1
    for outcome in ("taken", "delayed"):
        assert bench.value("ownership_claims_total", group="group", outcome=outcome) == 1
    for event in ("assigned", "revoked", "lost"):
        assert bench.value("rebalances_total", group="group", event=event) == 1
    for outcome in ("done", "failed"):
        assert bench.value("commits_total", group="group", outcome=outcome) == 1
    for name in ("partitions_broken", "source_restarts"):
        assert bench.value(f"{name}_total", group="group") == 1
    assert bench.value("source_seconds_total", step="consume") == 0.5
    for name in ("topics_replaced", "topics_gone"):
        assert bench.value(f"{name}_total", group="group") == 1
    assert bench.value("unexpected_failures_total", where="inserter") == 1
