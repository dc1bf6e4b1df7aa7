"""Workers that are killed at any moment: their successors store every event once, in tables and in rollups."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.project import load_project
from tests.ingest_worker.house import House, until
from tests.servers import ClickHouseServer

SCHEMA = """SCHEMA >
    `id` String `json:$.id`

ENGINE "MergeTree"
ENGINE_PARTITION_KEY "toInt64(id) % 4"
ENGINE_SORTING_KEY "id"

KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC {topic}
KAFKA_GROUP_ID {topic}
KAFKA_AUTO_OFFSET_RESET earliest
"""


@pytest.fixture
def house(
    kafka: str,
    clickhouse: ClickHouseServer,
    database: str,
    clickhouse_client: Client,
    unique_name: str,
    tmp_path: Path,
) -> Iterator[House]:
    (tmp_path / "datasources").mkdir()
    (tmp_path / "brokers.connection").write_text(f"TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {kafka}\n")
    (tmp_path / "datasources" / "events.datasource").write_text(SCHEMA.format(topic=unique_name))
    made = House(kafka, clickhouse, database, clickhouse_client, load_project(tmp_path, environment={}))
    made.deploy()
    made.client.command(
        f"CREATE TABLE `{database}`.rollup (remainder UInt8, events UInt64) ENGINE = SummingMergeTree"
        " ORDER BY remainder SETTINGS non_replicated_deduplication_window = 10000"
    )
    made.client.command(
        f"CREATE MATERIALIZED VIEW `{database}`.rolled TO `{database}`.rollup AS"
        f" SELECT toUInt8(toInt64(id) % 7) AS remainder, count() AS events FROM `{database}`.events GROUP BY remainder"
    )
    yield made
    made.close()


@contextmanager
def process(house: House, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": house.kafka,
        "KAFKA_SESSION_TIMEOUT_MS": "6000",
        "CLICKHOUSE_URL": house.server.url,
        "CLICKHOUSE_USER": house.server.user,
        "CLICKHOUSE_PASSWORD": house.server.password,
        "CLICKHOUSE_DATABASE": house.database,
        "PROJECT_DIR": str(folder),
        "BIRDHOUSE_INGEST_ADMIN_PORT": "0",
        "BIRDHOUSE_INGEST_BATCH_ROWS": "500",
    }
    worker = subprocess.Popen([sys.executable, "-m", "ingest_worker"], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def test_killed_at_random_moments_under_load_nothing_is_lost_or_doubled(
    house: House, tmp_path: Path, unique_name: str
) -> None:
    chance, rounds, per_round = random.Random(5), 3, 20_000
    for number in range(rounds):
        before = house.count("events")
        with process(house, tmp_path) as worker:
            ids = range(number * per_round, (number + 1) * per_round)
            producer = threading.Thread(target=house.produce, args=(unique_name, ids))
            if number == 0:
                until(lambda: _has_topic(house, unique_name))
            producer.start()
            goal = before + chance.randrange(1_000, per_round - 5_000)
            until(lambda goal=goal: house.count("events") >= goal)  # type: ignore[misc]
            os.kill(worker.pid, signal.SIGKILL)
            producer.join()
    total = rounds * per_round
    with process(house, tmp_path):
        until(lambda: house.committed(unique_name, unique_name) == total)
    assert house.ids("events") == list(range(total))
    rolled = house.client.query(f"SELECT sum(events) FROM `{house.database}`.rollup").result_rows
    assert rolled == [(total,)]


def _has_topic(house: House, topic: str) -> bool:
    from confluent_kafka.admin import AdminClient

    found = AdminClient({"bootstrap.servers": house.kafka}).list_topics(timeout=10).topics.get(topic)
    return found is not None and len(found.partitions) == 6
