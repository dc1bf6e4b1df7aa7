"""Observations as Prometheus metrics: every metric of the API, its meaning and its labels, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from query_api.observing.observations import (
    AnswerBroken,
    BackgroundFailed,
    Observation,
    ProducerFailed,
    RequestCrashed,
    RequestEnded,
    Route,
    ServerFound,
    ServerLost,
)

# Seconds; the time limit of a query is 10 by default.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Looking a series up by its labels costs more than counting; so many combinations of a project are remembered.
_MAX_SERIES = 4_096


@dataclass(frozen=True, slots=True)
class _Series:
    """The series that one kind of request counts in; None for those that its route has not."""

    requests: Counter
    seconds: Histogram
    rows_read: Counter | None
    bytes_read: Counter | None
    documents: Counter | None


class ApiMetrics:
    """An observer. Labels hold names of the project alone, so callers cannot make up new series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._requests = Counter(
            "birdhouse_api_requests",
            "Requests by route (pipe, sql, events, other), pipe or data source, and HTTP status; 499: the caller left.",
            ("route", "resource", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "birdhouse_api_request_seconds",
            "Time from a request's arrival to the last byte of its answer.",
            ("route", "resource"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._rows_read = Counter(
            "birdhouse_api_rows_read", "Rows that ClickHouse read for answers.", ("resource",), registry=registry
        )
        self._bytes_read = Counter(
            "birdhouse_api_bytes_read", "Bytes that ClickHouse read for answers.", ("resource",), registry=registry
        )
        self._documents = Counter(
            "birdhouse_api_events",
            "Events taken over HTTP and acknowledged by Kafka.",
            ("resource",),
            registry=registry,
        )
        self._crashes = Counter(
            "birdhouse_api_crashes", "Requests answered with 500: each is a defect, see the log.", registry=registry
        )
        self._broken = Counter(
            "birdhouse_api_broken_answers", "Answers cut off because the query failed on its way.", registry=registry
        )
        self._producer_failures = Counter(
            "birdhouse_api_producer_failures",
            "Kafka producers that failed for good, as without the right to write; each time another one is made.",
            registry=registry,
        )
        self._background_failures = Counter(
            "birdhouse_api_background_failures",
            "Unexpected failures of what runs beside requests, taken up again: each is a defect, see the log.",
            ("task",),
            registry=registry,
        )
        self._reachable = Gauge(
            "birdhouse_api_server_reachable",
            "Whether a server answered when last asked.",
            ("server",),
            registry=registry,
        )
        self._series = lru_cache(maxsize=_MAX_SERIES)(self._series_of)

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """A number of the service's state that is read when somebody asks for the metrics."""
        Gauge(name, meaning, registry=self._registry).set_function(read)

    def __call__(self, observation: Observation) -> None:
        match observation:
            case RequestEnded():
                self._count(observation)
            case RequestCrashed():
                self._crashes.inc()
            case AnswerBroken():
                self._broken.inc()
            case ServerLost(server):
                self._reachable.labels(server).set(0)
            case ServerFound(server):
                self._reachable.labels(server).set(1)
            case ProducerFailed():
                self._producer_failures.inc()
            case BackgroundFailed(task):
                self._background_failures.labels(task).inc()
            case _:
                pass

    def _count(self, ended: RequestEnded) -> None:
        series = self._series(ended.route, ended.resource, ended.status)
        series.requests.inc()
        series.seconds.observe(ended.seconds)
        if series.rows_read is not None and series.bytes_read is not None:
            series.rows_read.inc(ended.rows_read)
            series.bytes_read.inc(ended.bytes_read)
        elif series.documents is not None:
            series.documents.inc(ended.documents)

    def _series_of(self, route: Route, resource: str, status: int) -> _Series:
        is_query = route in ("pipe", "sql")
        return _Series(
            requests=self._requests.labels(route, resource, str(status)),
            seconds=self._seconds.labels(route, resource),
            rows_read=self._rows_read.labels(resource) if is_query else None,
            bytes_read=self._bytes_read.labels(resource) if is_query else None,
            documents=self._documents.labels(resource) if route == "events" else None,
        )
