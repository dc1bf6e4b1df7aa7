"""Messages leave quarantine on the embedded engine too, without any Kafka."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from deploy.embedded.engine import EmbeddedEngine
from deploy.errors import ReplayError
from deploy.operations.replay.command import Replay
from deploy.operations.replay.request import Request
from deploy.operations.replay.result import PartitionResult
from ingest_worker.settings import IngestSettings
from schemas.model import Project
from schemas.project import load_project
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.settings import load_settings

SCHEMA = """SCHEMA >
    `id` Int64 `json:$.id`,
    `__key` String

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"

KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC topic
KAFKA_GROUP_ID group
"""


@pytest.fixture
def client(embedded_engine: EmbeddedEngine) -> Iterator[Client]:
    client = embedded_engine.client()
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "brokers.connection").write_text("TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS nowhere:1\n")
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources" / "events.datasource").write_text(SCHEMA)
    return load_project(tmp_path, environment={})


@pytest.fixture
def database(client: Client, project: Project) -> Iterator[str]:
    name = f"replayed_{uuid.uuid4().hex}"
    apply(client, read_plan(client, project, name))
    columns = "__in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp, __in_key, __in_value"
    client.command(
        f"INSERT INTO `{name}`.events_quarantine ({columns}) SELECT 'topic', 'id', number % 2, intDiv(number, 2),"
        " fromUnixTimestamp64Milli(toInt64(1700000000123)), concat('k', toString(number)),"
        " if(number % 10, concat('{\"id\":', toString(number), '}'), unhex('7BFF')) FROM numbers(200)"
    )
    yield name
    client.command(f"DROP DATABASE `{name}` SYNC")


def run(engine: EmbeddedEngine, project: Project, database: str, request: Request) -> list[PartitionResult]:
    given = {"CLICKHOUSE_DATABASE": database, "BIRDHOUSE_INGEST_BATCH_ROWS": "30"}
    settings = load_settings(IngestSettings, given)
    replay = Replay(
        request, project, settings, engine.client, lambda: pytest.fail("no Kafka is needed"), lambda _: None
    )
    return list(replay.run(lambda _: None))


def test_what_fits_moves_with_its_own_facts(
    embedded_engine: EmbeddedEngine, client: Client, project: Project, database: str
) -> None:
    results = run(embedded_engine, project, database, Request("events", from_quarantine=True))
    assert [(entry.partition, entry.stored, entry.still_wrong) for entry in results] == [(0, 80, 20), (1, 100, 0)]
    rows = client.query(
        f"SELECT id, __partition, __offset, __topic_id, toUnixTimestamp64Milli(__timestamp), __key"
        f" FROM `{database}`.events ORDER BY id"
    ).result_rows
    assert [tuple(row) for row in rows] == [
        (number, number % 2, number // 2, "id", 1700000000123, f"k{number}") for number in range(200) if number % 10
    ]
    assert client.query(f"SELECT count() FROM `{database}`.events_quarantine").result_rows[0][0] == 20


def test_what_is_in_the_table_already_leaves_quarantine_only(
    embedded_engine: EmbeddedEngine, client: Client, project: Project, database: str
) -> None:
    client.command(
        f"INSERT INTO `{database}`.events (id, __in_topic, __in_topic_id, __in_partition, __in_offset)"
        " SELECT number, 'topic', 'id', number % 2, intDiv(number, 2) FROM numbers(1, 9)"
    )
    run(embedded_engine, project, database, Request("events", (0, 1), 0, 9, from_quarantine=True))
    ids = client.query(f"SELECT id FROM `{database}`.events ORDER BY id").result_rows
    assert [row[0] for row in ids] == [number for number in range(20) if number % 10]


def test_a_dry_run_changes_nothing(
    embedded_engine: EmbeddedEngine, client: Client, project: Project, database: str
) -> None:
    (result,) = run(embedded_engine, project, database, Request("events", (0,), from_quarantine=True, is_check=True))
    assert (result.missing, result.still_wrong) == (80, 20)
    tables = client.query(
        f"SELECT (SELECT count() FROM `{database}`.events), count() FROM `{database}`.events_quarantine"
    )
    assert tuple(tables.result_rows[0]) == (0, 200)


def test_a_mapping_that_is_not_deployed_is_refused(
    embedded_engine: EmbeddedEngine, client: Client, project: Project, database: str
) -> None:
    client.command(f"ALTER TABLE `{database}`.events_landing MODIFY COMMENT 'another'")
    with pytest.raises(ReplayError, match="`birdhouse deploy` first"):
        run(embedded_engine, project, database, Request("events", from_quarantine=True))
