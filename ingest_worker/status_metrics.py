"""The gauges of the worker's status, read when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ingest_worker.observing.metrics import PREFIX
from ingest_worker.status import WorkerStatus
from ingest_worker.storing.fence.ownership import OwnerState
from service.observing.gauges import gauges_of
from service.observing.metric import Gauge, Measure, Member

_PARTITION = ("data_source", "topic", "partition")
_DATA_SOURCE = ("data_source",)

OF_WORKER: tuple[Measure, ...] = (
    Gauge(
        "schema_differences",
        "What of the project's schema is otherwise in ClickHouse, or was changed there by hand; 0 when all is well.",
    ).set(lambda worker: len(worker.schema_differences)),
)
OF_PARTITION: tuple[Measure, ...] = (
    Gauge(
        "lag_messages",
        "Messages that the broker has and the group has not committed; absent while nobody knows.",
        _PARTITION,
    ).set("lag_messages"),
    Gauge(
        "lag_seconds",
        "Age of the oldest message that is read and not stored, 0 without lag; absent while nobody knows.",
        _PARTITION,
    ).set("lag_seconds"),
    Gauge(
        "lag_age_seconds",
        "Since when the broker has not said where a partition ends; above 15 its lag is not known.",
        _PARTITION,
    ).set("lag_age_seconds"),
    Gauge("committed_offset", "The group's committed offset.", _PARTITION).set("committed_offset"),
    Gauge("next_offset", "The next offset that will be read.", _PARTITION).set("next_offset"),
    Gauge("partition_paused", "1 while nothing is read of a partition.", _PARTITION).set("is_paused"),
    Gauge("partition_owned", "1 while ClickHouse takes this worker's inserts for a partition.", _PARTITION).set(
        lambda partition: partition.owner_state == OwnerState.OWNED
    ),
)
OF_DATA_SOURCE: tuple[Measure, ...] = (
    Gauge("buffered_rows", "Messages read and not yet stored.", _DATA_SOURCE).set("buffered_rows"),
    Gauge("buffered_bytes", "Bytes of those messages.", _DATA_SOURCE).set("buffered_bytes"),
    Gauge("inserts_in_flight", "Batches that are being inserted, retries included.", _DATA_SOURCE).set(
        "inserts_in_flight"
    ),
    Gauge(
        "batch_scale", "How much larger or smaller than set batches are, after errors 252 and 241.", _DATA_SOURCE
    ).set("batch_scale"),
    Gauge("stalled", "1 while inserts fail in a way that somebody must mend.", _DATA_SOURCE).set(
        lambda data_source: data_source.last_error is not None
    ),
    Gauge(
        "view_broken", "1 while a data source is stalled since this view cannot take its rows.", ("data_source", "view")
    ).set(lambda data_source: None if data_source.broken_view is None else 1, view=Member("broken_view")),
)


class StatusCollector(Collector):
    """Gives the gauges of what `status` says, which is asked once for all of them."""

    def __init__(self, status: Callable[[], WorkerStatus]) -> None:
        self._status = status

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._status()
        yield from gauges_of(OF_WORKER, PREFIX, [status])
        yield from gauges_of(OF_PARTITION, PREFIX, status.partitions)
        yield from gauges_of(OF_DATA_SOURCE, PREFIX, status.data_sources)
