"""Both services with least rights, on a broker behind TLS and a ClickHouse behind a proxy, not in UTC."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.cimpl import NewTopic

from bench.systems.server_command import free_port
from tests.in_process import birdhouse
from tests.secured.certificates import Authority
from tests.secured.tls_clickhouse import TlsClickHouse, tls_clickhouse
from tests.secured.tls_kafka import TlsKafka, tls_kafka
from tests.servers import ServerUnavailableError

TOPIC = GROUP = "visits"
SECRET = "the secret of the secured tests"
VISITS = """SCHEMA >
    at DateTime `json:$.at`,
    precise DateTime64(3) `json:$.precise` DEFAULT '2024-02-01 00:00:00.000',
    visitor String `json:$.visitor`,
    stored_at DateTime DEFAULT now()

ENGINE MergeTree
ENGINE_PARTITION_KEY toYYYYMM(at)
ENGINE_SORTING_KEY toDate(at), visitor
KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC visits
KAFKA_GROUP_ID visits
KAFKA_AUTO_OFFSET_RESET earliest
"""

PIPE = """TOKEN reader READ
NODE answer
SQL >
    %
    SELECT visitor, at, precise, toString(at) AS text, toDate(at) AS day, toHour(at) AS hour,
        toStartOfDay(at) AS start, dateDiff('hour', stored_at, now()) AS age,
        toDateTime('2024-02-01 00:30:00') = at AS same
    FROM visits
    WHERE at >= {{DateTime(since, '2000-01-01 00:00:00')}} AND toDate(at) <= {{Date(until, '2100-01-01')}}
    ORDER BY visitor
TYPE endpoint
"""


@dataclass
class House:
    """Both servers, the project, and what every process is told of them."""

    kafka: TlsKafka
    clickhouse: TlsClickHouse
    folder: Path
    shared: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        project = self.folder / "project"
        (project / "datasources").mkdir(parents=True)
        (project / "pipes").mkdir()
        (project / "datasources" / "visits.datasource").write_text(VISITS)
        (project / "pipes" / "visits_since.pipe").write_text(PIPE)
        self.file("secret", SECRET)
        ours = ("BIRDHOUSE_", "KAFKA_", "CLICKHOUSE_")
        nowhere = "http://user:hunter2@127.0.0.1:9"
        self.shared = {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "PROJECT_DIR": str(project),
            "BIRDHOUSE_SECRET_FILE": str(self.folder / "secret"),
            "BIRDHOUSE_DATA": str(self.folder / "data"),
            # Neither is any business of ours.
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), nowhere),
            "KAFKA_URI": "kafka://somebody:else@nowhere",
        }

    def file(self, name: str, text: str) -> Path:
        """Replaced whole, as a mounted secret is."""
        path, fresh = self.folder / name, self.folder / f".{name}"
        fresh.write_text(text + "\n")
        return fresh.replace(path)

    def ingest(self, **changes: str) -> dict[str, str]:
        return {
            **self.shared,
            **self.kafka.certified("worker"),
            **self.clickhouse.environment("birdhouse_ingest"),
            **changes,
        }

    def api(self, **changes: str) -> dict[str, str]:
        kafka = self.kafka.environment("api") | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}
        del kafka["KAFKA_SASL_PASSWORD"]
        kafka["KAFKA_SASL_PASSWORD_FILE"] = str(self.folder / "kafka-password")
        return {**self.shared, **kafka, **self.clickhouse.environment("birdhouse_api"), **changes}

    def operator(self, **changes: str) -> dict[str, str]:
        return {**self.shared, **self.kafka.environment("ops"), **self.clickhouse.environment("default"), **changes}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("secured")
    try:
        authority = Authority(folder / "certificates")
        (folder / "kafka").mkdir()
        (folder / "clickhouse").mkdir()
        with (
            tls_kafka(folder / "kafka", authority) as kafka,
            tls_clickhouse(folder / "clickhouse", authority) as clickhouse,
        ):
            house = House(kafka, clickhouse, folder)
            house.file("kafka-password", "the first password")
            kafka.set_password("api", "the first password")
            kafka.admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(15)
            kafka.allow("worker", "topic", TOPIC, "READ", "DESCRIBE")
            kafka.allow("worker", "group", GROUP, "READ")
            kafka.allow("api", "topic", TOPIC, "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS")
            kafka.allow("api", "group", GROUP, "DESCRIBE")
            kafka.allow("ops", "topic", TOPIC, "READ", "DESCRIBE", "DESCRIBE_CONFIGS")
            kafka.allow("ops", "group", GROUP, "READ")
            yield house
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@dataclass
class Running:
    """Both services while they run."""

    port: str
    token: str
    worker_admin: str
    api_admin: str
    log: Path

    def ask(self, **parameters: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"token": self.token, **parameters})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v0/pipes/visits_since.json?{query}") as answer:
            rows: list[dict[str, Any]] = json.load(answer)["data"]
            return rows

    def send(self, *events: object) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/v0/events?name=visits&wait=true&token={self.token}"
        body = "\n".join(map(json.dumps, events)).encode()
        with urllib.request.urlopen(url, data=body, timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


@contextmanager
def services(house: House, log: Path, **api_changes: str) -> Iterator[Running]:
    ports = [str(free_port()) for _ in range(3)]
    worker = house.ingest(BIRDHOUSE_INGEST_ADMIN_PORT=ports[0])
    api = house.api(BIRDHOUSE_API_PORT=ports[1], BIRDHOUSE_API_ADMIN_PORT=ports[2], **api_changes)
    token = birdhouse(house.shared, "tokens", "admin").stdout.strip()
    with process("ingest_worker", worker, log), process("query_api", api, log):
        for port in (ports[0], ports[2]):
            until(partial(ready, port), log)
        yield Running(ports[1], token, ports[0], ports[2], log)


@contextmanager
def process(module: str, environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        running = subprocess.Popen([sys.executable, "-m", module], env=dict(environment), stderr=output)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(40)


def ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


def until(is_true: Callable[[], object], log: Path, seconds: float = 90) -> None:
    give_up = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < give_up, log.read_text()[-5000:]
        time.sleep(0.2)
