"""Whether ClickHouse and Kafka answer, take events, and hold what the project says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from query_api.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter, Gauge

Server = Literal["ClickHouse", "Kafka"]

_REACHABLE = Gauge("server_reachable", "Whether a server answered when last asked.", ("server",), across="livemin")


@dataclass(frozen=True, slots=True)
class ServerLost(Observation):
    """A server does not answer; said once, and again when the reason changes. `address` holds no credentials."""

    log = Line(logging.WARNING, "waiting for {server}")
    metrics = (_REACHABLE.set(0),)

    server: Server
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerFound(Observation):
    """A server answers, for the first time or again."""

    log = Line(logging.INFO, "{server} answers")
    metrics = (_REACHABLE.set(1),)

    server: Server


@dataclass(frozen=True, slots=True)
class ProducerFailed(Observation):
    """A producer failed for good; events are refused with `reason` until another one is made, `retry_seconds` later."""

    log = Line(logging.ERROR, "the producer failed for good, another one is made")
    metrics = (
        Counter(
            "producer_failures",
            "Kafka producers that failed for good, as without the right to write; each time another one is made.",
        ).inc(),
    )

    reason: str
    retry_seconds: float

    def log_fields(self) -> dict[str, object]:
        return {"reason": self.reason, "retry_seconds": round(self.retry_seconds, 1)}


@dataclass(frozen=True, slots=True)
class SchemaDiffers(Observation):
    """What ClickHouse has is not what the project says; `differences` are for people."""

    log = Line(
        logging.WARNING, "the deployed schema is not the project's; `birdhouse deploy` brings ClickHouse up to date"
    )
    metrics = Without("`/readyz` says it, and the worker's metrics count what differs")

    differences: tuple[str, ...] = ()

    def log_fields(self) -> dict[str, object]:
        return {"differences": "; ".join(self.differences)}
