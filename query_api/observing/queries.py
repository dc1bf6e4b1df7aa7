"""The gauges of how many queries run and wait, read when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from query_api.observing.metrics import PREFIX
from service.observing.gauges import gauges_of
from service.observing.metric import Gauge, Measure


class Queries(Protocol):
    """How many there are now."""

    running: int
    waiting: int


OF_QUERIES: tuple[Measure, ...] = (
    Gauge("queries_running", "Queries that run now.").set("running"),
    Gauge("queries_waiting", "Queries that wait for their turn.").set("waiting"),
)


class QueriesCollector(Collector):
    """Gives the gauges of `queries`."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from gauges_of(OF_QUERIES, PREFIX, [self._queries])
