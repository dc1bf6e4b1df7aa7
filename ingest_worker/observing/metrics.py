"""The worker's metrics of what is observed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from ingest_worker.observing import (
    consuming,
    inserts,
    lifetime,
    observations,
    partitions,
    schema,
    servers,
    takeovers,
    topics,
)
from ingest_worker.observing.observations import Observation
from service.observing.declared import declared_in
from service.observing.metrics import MetricsObserver

PREFIX = "birdhouse_ingest_"
# Everything that a worker observes: a module that declares more belongs here.
OBSERVATIONS = declared_in(
    Observation, observations, lifetime, servers, schema, topics, partitions, takeovers, consuming, inserts
)


class Metrics(MetricsObserver):
    """Counts every observation of a worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(OBSERVATIONS, PREFIX, registry)
