"""The API's metrics of what is observed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from query_api.observing import answers, lifetime, processes, requests, servers
from query_api.observing.observations import Observation
from service.observing.declared import declared_in
from service.observing.metrics import MetricsObserver

PREFIX = "birdhouse_api_"
# Everything that the API observes: a module that declares more belongs here.
OBSERVATIONS = declared_in(Observation, lifetime, processes, servers, requests, answers)


class ApiMetrics(MetricsObserver):
    """An observer. Labels hold names of the project alone, so callers cannot make up new series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(OBSERVATIONS, PREFIX, registry)


class ParentMetrics(MetricsObserver):
    """An observer for the parent of several processes, in a registry that has theirs already."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(declared_in(Observation, processes), PREFIX, registry)
