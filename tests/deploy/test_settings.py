"""One environment serves `birdhouse run` and both services: each leaves the names of the others alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.settings import RunSettings
from ingest_worker.settings import IngestSettings
from query_api.settings import QueryApiSettings
from service.settings import ServiceSettings, load_settings

CLASSES: tuple[type[ServiceSettings], ...] = (RunSettings, IngestSettings, QueryApiSettings)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_name_of_the_others_is_left_alone(cls: type[ServiceSettings]) -> None:
    shared = set(ServiceSettings.variables().values())
    names = {name for other in CLASSES for name in other.variables().values()} - set(cls.variables().values())
    assert names
    assert not names & shared
    assert load_settings(cls, dict.fromkeys(names, "7")) == load_settings(cls, {})


def test_what_is_not_configured_is_embedded() -> None:
    alone = load_settings(RunSettings, {})
    assert (alone.is_broker_embedded, alone.is_engine_embedded, alone.data) == (True, True, Path(".birdhouse"))
    servers = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "CLICKHOUSE_URL": "http://ch:8123"}
    settings = load_settings(RunSettings, servers)
    assert (settings.is_broker_embedded, settings.is_engine_embedded) == (False, False)
