"""What only watches never ends what works."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry

from ingest_worker.observing.lifetime import WorkerStopped
from ingest_worker.observing.metrics import Metrics
from ingest_worker.observing.observations import Observation, UnexpectedFailure, observe_by
from ingest_worker.observing.partitions import RowsReleased


def test_an_observer_that_fails_is_logged_and_counted_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Observation] = []

    def failing(observation: Observation) -> None:
        raise ValueError(f"cannot take {observation}")

    observe = observe_by(failing, seen.append)
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            observe(WorkerStopped(drained=True))
    assert seen.count(WorkerStopped(drained=True)) == 5
    assert seen.count(UnexpectedFailure("observer")) == 5
    assert len(caplog.records) == 1  # not for every message: what fails once fails again and again
    assert "cannot take" in caplog.text
    assert "Traceback" in caplog.text


def test_a_metric_that_cannot_be_counted_ends_nothing_and_is_counted_itself() -> None:
    registry = CollectorRegistry()
    observe_by(Metrics(registry).observe)(RowsReleased("events", -1))  # a counter refuses what would make it smaller
    failures = registry.get_sample_value("birdhouse_ingest_unexpected_failures_total", {"where": "observer"})
    assert failures == 1
