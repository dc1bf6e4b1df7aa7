"""Whether ClickHouse and Kafka answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Gauge

_REACHABLE = Gauge(
    "server_reachable", "Whether a server answers and lets us, 0 after two looks in a row that failed.", ("server",)
)


@dataclass(frozen=True, slots=True)
class ServerAwaited(Observation):
    """A server that is needed to start cannot be used yet."""

    log = Line(logging.WARNING, "waiting for a server")
    metrics = Without("before the start `/readyz` says it")

    server: str
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class ServerLost(Observation):
    """A server did not answer a look, or refused it, and not the one before either."""

    log = Line(logging.WARNING, "a server does not answer")
    metrics = (_REACHABLE.set(0),)

    server: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerAnswers(Observation):
    """A server answers looks, for the first time or again."""

    log = Line(logging.INFO, "a server answers")
    metrics = (_REACHABLE.set(1),)

    server: str
