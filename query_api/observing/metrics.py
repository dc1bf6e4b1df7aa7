"""The API's metrics of what is observed, and of its state when somebody asks."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from query_api.observing import lifetime, requests, servers
from query_api.observing.observations import Observation
from service.observing.declared import declared_in
from service.observing.metrics import MetricsObserver

PREFIX = "birdhouse_api_"
# Everything that the API observes: a module that declares more belongs here.
OBSERVATIONS = declared_in(Observation, lifetime, servers, requests)


class ApiMetrics(MetricsObserver):
    """An observer. Labels hold names of the project alone, so callers cannot make up new series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(OBSERVATIONS, PREFIX, registry)
        self._registry = registry

    def gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """A number of the service's state that is read when somebody asks for the metrics."""
        Gauge(name, meaning, registry=self._registry).set_function(read)
