"""What stands around a worker: its admin port before a start, its metrics, and the brokers of its connections."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from ingest_worker.service import METRICS, IngestService, configs_of
from ingest_worker.settings import IngestSettings
from schemas.model import Project
from service.errors import SettingsError
from service.settings import load_settings
from tests.ingest_worker.house import data_source, project

ENVIRONMENT = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "BIRDHOUSE_INGEST_ADMIN_PORT": "0",
    "BIRDHOUSE_INGEST_DRAIN_SECONDS": "0",
}
EVENTS = project(data_source("events", "topic", "group"))


def unreachable() -> Client:
    raise OSError("nobody is there")


@pytest.fixture
def make() -> Iterator[Callable[[Project], IngestService]]:
    made: list[IngestService] = []

    def make(loaded: Project) -> IngestService:
        settings = load_settings(IngestSettings, ENVIRONMENT)
        made.append(IngestService(settings, ENVIRONMENT, loaded, connect=unreachable))
        return made[-1]

    yield make
    for service in made:
        service.stop()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.sockets
def test_before_the_start_it_is_live_and_waits_for_clickhouse(make: Callable[[Project], IngestService]) -> None:
    service = make(EVENTS)
    address = service.listen()
    assert get(f"{address}/livez")[0] == 200
    status, text = get(f"{address}/readyz")
    assert status == 503
    assert "waiting for ClickHouse: no answer yet" in text
    assert get(f"{address}/metrics")[0] == 200


@pytest.mark.sockets
def test_a_service_that_did_not_start_has_stored_all_that_it_read(make: Callable[[Project], IngestService]) -> None:
    service = make(EVENTS)
    service.listen()
    assert service.stop()


@pytest.mark.sockets
def test_another_worker_takes_the_place_of_the_one_that_runs(make: Callable[[Project], IngestService]) -> None:
    service = make(EVENTS)
    former = service.worker
    assert [entry.data_source for entry in service.status().data_sources] == ["events"]
    service.follow(project())  # of which no thread waits for brokers
    service.exchange()
    assert service.worker is not former
    assert service.status().data_sources == ()


def test_all_metrics_are_listed_those_of_the_status_too() -> None:
    names = {metric.name for metric in METRICS}
    assert {"unexpected_failures", "lag_messages", "batch_scale", "schema_differences"} <= names


def test_a_connection_without_a_file_stands_for_the_brokers_of_the_environment() -> None:
    settings = load_settings(IngestSettings, ENVIRONMENT)
    config_of = configs_of(settings, ENVIRONMENT, EVENTS)
    assert config_of(None)["bootstrap.servers"] == "127.0.0.1:1"


def test_what_is_wrong_with_a_connection_is_known_at_once() -> None:
    settings = load_settings(IngestSettings, ENVIRONMENT)
    with pytest.raises(SettingsError):
        configs_of(settings, {**ENVIRONMENT, "KAFKA_SECURITY_PROTOCOL": "none such"}, EVENTS)
