"""Answers that are kept: how many there are now, and those that had to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from query_api.observing.observations import Observation
from service.observing.declared import Without
from service.observing.gauges import gauges_of
from service.observing.metric import Counter, Gauge, Measure


@dataclass(frozen=True, slots=True)
class AnswersEvicted(Observation):
    """Kept answers that went before their time, for want of room."""

    log = Without("it is as it should be, and may happen with every question")
    metrics = (
        Counter("cache_evictions", "Kept answers that went before their time, for want of room.").inc("answers"),
    )

    answers: int


class Kept(Protocol):
    """What is kept now."""

    @property
    def entries(self) -> int: ...

    @property
    def held_bytes(self) -> int: ...


OF_KEPT: tuple[Measure, ...] = (
    Gauge("cache_entries", "Answers that are kept now.").set("entries"),
    Gauge("cache_bytes", "Bytes that kept answers take, with what they are found by.").set("held_bytes"),
)


class KeptCollector(Collector):
    """Gives the gauges of what is kept; `prefix` begins their names."""

    def __init__(self, kept: Kept, prefix: str) -> None:
        self._kept = kept
        self._prefix = prefix

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from gauges_of(OF_KEPT, self._prefix, [self._kept])
