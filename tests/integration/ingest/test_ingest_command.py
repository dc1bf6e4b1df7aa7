"""The `ingest-worker` command as a process: it deploys, serves its admin port, drains on SIGTERM and exits with 0."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.model import Project
from tests.ingest_worker.house import House, until
from tests.servers import ClickHouseServer

DATA_SOURCE = """
SCHEMA >
    `id` String `json:$.id`

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"
"""
# A group of its own on the brokers that all tests share.
FEED = """
KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC {0}
KAFKA_GROUP_ID {0}
KAFKA_AUTO_OFFSET_RESET earliest
"""


class Command:
    """A running `ingest-worker`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BIRDHOUSE_")}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingest_worker"], env={**inherited, **environment}, stderr=output
            )
        self.port = environment.get("BIRDHOUSE_INGEST_ADMIN_PORT", "7184")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def commands() -> Iterator[list[Command]]:
    started: list[Command] = []
    yield started
    for command in started:
        command.process.kill()
        command.process.wait()


def test_from_start_to_sigterm(
    kafka: str,
    clickhouse: ClickHouseServer,
    database: str,
    clickhouse_client: Client,
    unique_name: str,
    unused_tcp_port: int,
    tmp_path: Path,
    commands: list[Command],
) -> None:
    (tmp_path / "datasources").mkdir()
    (tmp_path / "datasources" / f"{unique_name}.datasource").write_text(DATA_SOURCE + FEED.format(unique_name))
    house = House(kafka, clickhouse, database, clickhouse_client, Project(tmp_path, {}, {}))
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "PROJECT_DIR": str(tmp_path),
        "DEPLOY_ON_START": "true",
        "BIRDHOUSE_INGEST_ADMIN_PORT": str(unused_tcp_port),
        "BIRDHOUSE_INGEST_BATCH_SECONDS": "60",
    }
    command = Command(environment, tmp_path / "log")
    commands.append(command)
    until(lambda: command.get("/readyz")[0] == 200)
    assert command.get("/livez")[0] == 200
    house.produce(unique_name, range(1))
    until(lambda: house.count(unique_name) == 1)  # inserted at once; what comes within a minute of it waits
    house.produce(unique_name, range(1, 300))
    rows = 'birdhouse_ingest_buffered_rows{data_source="' + unique_name + '"} 299.0'
    until(lambda: rows in command.get("/metrics")[1])
    status = json.loads(command.get("/status")[1])
    assert sum(entry["buffered_rows"] for entry in status["partitions"]) == 299
    assert house.count(unique_name) == 1
    assert command.terminate() == 0
    assert house.ids(unique_name) == list(range(300))
    lines = [json.loads(line) for line in command.log.read_text().splitlines()]
    assert any(line["message"] == "deployed the project's schema" for line in lines)
    assert any(line["message"] == "inserted" and line["rows"] == 50 for line in lines)
    assert lines[-1]["message"] == "stopped"
    assert lines[-1]["drained"] is True


def test_says_which_setting_is_wrong(tmp_path: Path, commands: list[Command]) -> None:
    command = Command({"BIRDHOUSE_INGEST_BATCH_ROWS": "many"}, tmp_path / "log")
    commands.append(command)
    assert command.process.wait(60) == 2
    assert "`BIRDHOUSE_INGEST_BATCH_ROWS`" in command.log.read_text()


def test_needs_to_know_where_clickhouse_is(tmp_path: Path, commands: list[Command]) -> None:
    command = Command({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CLICKHOUSE_URL": ""}, tmp_path / "log")
    commands.append(command)
    assert command.process.wait(60) == 2
    assert "`CLICKHOUSE_URL`" in command.log.read_text()


def test_waits_for_servers_and_can_be_stopped_meanwhile(
    tmp_path: Path, unused_tcp_port: int, commands: list[Command]
) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CLICKHOUSE_URL": "http://127.0.0.1:1",
        "BIRDHOUSE_INGEST_ADMIN_PORT": str(unused_tcp_port),
    }
    command = Command(environment, tmp_path / "log")
    commands.append(command)
    until(lambda: "waiting for a server" in command.log.read_text())
    assert command.get("/readyz")[0] == 503
    assert command.get("/livez")[0] == 200
    assert command.terminate() == 0
