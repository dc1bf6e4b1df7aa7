"""The gauges of the worker's status."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from ingest_worker.status import DataSourceStatus, PartitionStatus, WorkerStatus
from ingest_worker.status_metrics import StatusCollector

STATUS = WorkerStatus(
    data_sources=(
        DataSourceStatus("events", 5, 50, 1, 0.5, "a view throws", "rollup"),
        DataSourceStatus("other", 5, 50, 1, 0.5, None),
    ),
    partitions=(
        PartitionStatus("events", "group", "topic", 3, "owned", 100, 120, 30, 1.5, 2.0, 5, 50, True, False, None),
        PartitionStatus("events", "group", "topic", 4, "claiming", None, 0, None, None, None, 0, 0, False, True, None),
    ),
)


def test_gauges_come_from_the_status() -> None:
    registry = CollectorRegistry()
    registry.register(StatusCollector(lambda: STATUS))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"birdhouse_ingest_{name}", labels)

    of_partition = {"data_source": "events", "topic": "topic", "partition": "3"}
    expected = {"lag_messages": 30, "lag_seconds": 1.5, "committed_offset": 100, "partition_owned": 1}
    for name, number in expected.items():
        assert value(name, **of_partition) == number
    assert value("lag_messages", **{**of_partition, "partition": "4"}) is None
    assert value("stalled", data_source="events") == 1
    assert value("view_broken", data_source="events", view="rollup") == 1
    assert value("view_broken", data_source="other", view="none") is None
    assert value("batch_scale", data_source="events") == 0.5
