"""Every observation is a log line and, where it counts something, a metric."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from query_api.observing.answers import AnswersEvicted
from query_api.observing.lifetime import BackgroundFailed, Listening, Stopping
from query_api.observing.log import log_observation
from query_api.observing.metrics import OBSERVATIONS, ApiMetrics
from query_api.observing.observations import Observation, to_all
from query_api.observing.processes import (
    ProcessAnswers,
    ProcessEnded,
    ProcessKilled,
    ProjectNotSwapped,
    ProjectSwapped,
)
from query_api.observing.requests import AnswerBroken, RequestCrashed, RequestEnded
from query_api.observing.servers import ProducerFailed, SchemaDiffers, ServerFound, ServerLost
from service.observing.declared import Without

EXAMPLES: list[Observation] = [
    RequestEnded("r1", "POST", "events", 202, 0.5, resource="events", documents=3),
    RequestCrashed("r2", ValueError("x")),
    AnswerBroken("r3", 395, "boom"),
    ServerLost("Kafka", "host:9092", "refused"),
    ServerFound("ClickHouse"),
    ProducerFailed("Cluster authorization failed", 0.5),
    BackgroundFailed("delivery reports", ValueError("x")),
    AnswersEvicted(3),
    SchemaDiffers(),
    Listening("127.0.0.1", 7181, 7183),
    Stopping(20),
    ProcessAnswers(0, 4711, 1.5),
    ProcessEnded(1, 4712, "killed by SIGKILL", 0.1),
    ProcessKilled(1, 4712, "a second signal"),
    ProjectSwapped("0123456789abcdef", 3),
    ProjectNotSwapped("error: no such table"),
]


def test_the_examples_are_all_there_are() -> None:
    assert {type(example) for example in EXAMPLES} == set(OBSERVATIONS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_each_is_one_log_line_or_says_why_it_is_none(example: Observation, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_observation(example)
    assert len(caplog.records) == (0 if isinstance(example.log, Without) else 1)


def test_the_line_of_a_request_has_what_is_known_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_observation(EXAMPLES[0])
    assert caplog.records[0].__dict__["fields"] == {
        "method": "POST",
        "route": "events",
        "status": 202,
        "ms": 500.0,
        "request_id": "r1",
        "resource": "events",
        "documents": 3,
    }


def test_a_differing_schema_names_the_command(caplog: pytest.LogCaptureFixture) -> None:
    log_observation(SchemaDiffers())
    assert "`birdhouse deploy`" in caplog.text


def test_metrics_count_what_is_observed() -> None:
    registry = CollectorRegistry()
    metrics = ApiMetrics(registry)
    seen: list[Observation] = []
    observe = to_all(seen.append, metrics.observe)
    for example in EXAMPLES:
        observe(example)
    text = generate_latest(registry).decode()
    assert seen == EXAMPLES
    for line in (
        'birdhouse_api_requests_total{resource="events",route="events",status="202"} 1.0',
        'birdhouse_api_events_total{resource="events"} 3.0',
        'birdhouse_api_request_seconds_sum{resource="events",route="events"} 0.5',
        "birdhouse_api_crashes_total 1.0",
        "birdhouse_api_broken_answers_total 1.0",
        'birdhouse_api_server_reachable{server="Kafka"} 0.0',
        'birdhouse_api_server_reachable{server="ClickHouse"} 1.0',
    ):
        assert line in text
