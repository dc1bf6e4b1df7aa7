"""Servers that are away, frozen, or refuse: the worker says which and why within 15 s, and goes on afterwards."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from bench.systems.server_command import StartedServer, free_port
from tests.ingest_worker.house import until
from tests.integration.ingest.test_ingest_command import DATA_SOURCE, Command
from tests.secured_kafka import SecuredKafka, secured_kafka
from tests.servers import ServerUnavailableError, restartable_clickhouse, restartable_kafka

# As docs/ingest.md promises. Ten of them at most are the times of the worker itself, the rest is for a busy machine.
SECONDS = 15.0
NAME = "outages"


@dataclass
class Scene:
    """A worker on servers of its own, which may be stopped."""

    kafka: StartedServer
    clickhouse: StartedServer
    environment: dict[str, str]
    folder: Path
    worker: Command | None = None

    def start(self) -> None:
        port = free_port()
        self.environment["BIRDHOUSE_INGEST_ADMIN_PORT"] = str(port)
        self.worker = Command(self.environment, self.folder / "log")

    def is_ready(self) -> bool:
        assert self.worker is not None
        return self.worker.get("/readyz")[0] == 200

    def says(self, *words: str) -> bool:
        assert self.worker is not None
        status, body = self.worker.get("/readyz")
        return status == 503 and all(word in body for word in words)

    def lags(self) -> list[tuple[object, object, object]]:
        """Of each partition that it has: the lag in messages and in seconds, and how old that is."""
        assert self.worker is not None
        partitions = json.loads(self.worker.get("/status")[1])["partitions"]
        return [(each["lag_messages"], each["lag_seconds"], each["lag_age_seconds"]) for each in partitions]

    def lines(self) -> list[dict[str, object]]:
        assert self.worker is not None
        return [json.loads(line) for line in self.worker.log.read_text().splitlines()]

    def produce(self, config: dict[str, object], count: int) -> None:
        producer = Producer(config)
        for number in range(count):
            producer.produce(NAME, json.dumps({"id": str(number)}).encode())
        assert producer.flush(30) == 0


def environment_of(folder: Path, kafka: dict[str, str], clickhouse: StartedServer) -> dict[str, str]:
    (folder / "datasources").mkdir(exist_ok=True)
    (folder / "datasources" / f"{NAME}.datasource").write_text(DATA_SOURCE)
    return {
        **kafka,
        "CLICKHOUSE_URL": f"http://127.0.0.1:{clickhouse.port}",
        "PROJECT_DIR": str(folder),
        "DEPLOY_ON_START": "true",
        "BIRDHOUSE_LOG_FORMAT": "json",
    }


@pytest.fixture(scope="module")
def clickhouse_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    try:
        with restartable_clickhouse(tmp_path_factory.mktemp("clickhouse")) as server:
            yield server
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def scene(tmp_path: Path, clickhouse_of_ours: StartedServer) -> Iterator[Scene]:
    try:
        with restartable_kafka(tmp_path) as kafka:
            address = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka.port}"}
            environment = environment_of(tmp_path, address, clickhouse_of_ours)
            made = Scene(kafka, clickhouse_of_ours, environment | {"CLICKHOUSE_DATABASE": tmp_path.name}, tmp_path)
            try:
                yield made
            finally:
                os.killpg(kafka.process_group, signal.SIGCONT)
                os.killpg(clickhouse_of_ours.process_group, signal.SIGCONT)
                if made.worker is not None:
                    made.worker.process.kill()
                    made.worker.process.wait()
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("session_seconds", [6, 45], ids=["of our own", "longer than a lag is known"])
def test_a_broker_that_is_frozen(scene: Scene, session_seconds: int) -> None:
    """No lag is known any more: the partitions are lost at the end of the session, or their lag is too old before."""
    scene.environment["KAFKA_SESSION_TIMEOUT_MS"] = str(session_seconds * 1_000)
    scene.start()
    until(scene.is_ready)
    # Taken, and measured since then: a broker that is frozen in between leaves a partition without any age of its lag.
    until(lambda: {messages for messages, _, _ in scene.lags()} == {0})
    os.killpg(scene.kafka.process_group, signal.SIGSTOP)
    until(lambda: scene.says("Kafka: "), SECONDS)
    if session_seconds > SECONDS:
        until(lambda: {messages for messages, _, _ in scene.lags()} == {None}, SECONDS)
        assert all(seconds is None and float(str(age)) > 14 for _, seconds, age in scene.lags())
    else:
        until(lambda: scene.lags() == [], SECONDS)
    os.killpg(scene.kafka.process_group, signal.SIGCONT)
    until(scene.is_ready, 40)


@pytest.mark.timeout(240)
def test_a_broker_that_is_gone(scene: Scene) -> None:
    scene.start()
    until(scene.is_ready)
    scene.kafka.kill()
    until(lambda: scene.says("Kafka: ", "Connection refused"), SECONDS)
    time.sleep(20)
    assert scene.says("Connection refused")
    warnings = [line for line in scene.lines() if line["level"] in ("warning", "error")]
    # Some kinds of lines, each once a minute; not one for each of librdkafka's attempts.
    assert len(warnings) < 30, [line["message"] for line in warnings]
    assert scene.kafka.start()
    until(scene.is_ready, 60)


@pytest.mark.timeout(240)
def test_a_clickhouse_that_is_frozen_and_one_that_is_gone(scene: Scene) -> None:
    scene.start()
    until(scene.is_ready)
    scene.produce({"bootstrap.servers": f"127.0.0.1:{scene.kafka.port}"}, 100)
    os.killpg(scene.clickhouse.process_group, signal.SIGSTOP)
    until(lambda: scene.says("ClickHouse: it takes connections and does not answer within 3 s"), SECONDS)
    os.killpg(scene.clickhouse.process_group, signal.SIGCONT)
    until(scene.is_ready, SECONDS)
    scene.clickhouse.kill()
    until(lambda: scene.says("ClickHouse: connection refused"), SECONDS)
    assert scene.clickhouse.start()
    until(scene.is_ready, 30)


@pytest.fixture
def secured(tmp_path: Path, clickhouse_of_ours: StartedServer) -> Iterator[tuple[SecuredKafka, Scene]]:
    try:
        with secured_kafka(tmp_path) as kafka:
            environment = environment_of(tmp_path, kafka.environment("worker"), clickhouse_of_ours)
            made = Scene(
                kafka.server, clickhouse_of_ours, environment | {"CLICKHOUSE_DATABASE": tmp_path.name}, tmp_path
            )
            try:
                yield kafka, made
            finally:
                if made.worker is not None:
                    made.worker.process.kill()
                    made.worker.process.wait()
    except ServerUnavailableError as error:
        pytest.skip(str(error))


TOPIC_RIGHTS = ("READ", "DESCRIBE", "CREATE")


@pytest.mark.timeout(240)
def test_a_worker_that_may_not_and_one_that_may_no_more(secured: tuple[SecuredKafka, Scene]) -> None:
    kafka, scene = secured
    scene.start()
    until(lambda: scene.says("uthorization failed"), 40)
    kafka.allow("worker", "topic", NAME, *TOPIC_RIGHTS)
    until(lambda: scene.says("not joined yet", "Group authorization failed"), 40)
    kafka.allow("worker", "group", "birdhouse", "READ")
    until(scene.is_ready, 60)
    scene.produce(kafka.config("admin"), 50)
    kafka.forbid("worker", "topic", NAME, "READ")
    until(lambda: scene.says(f"partition {NAME}/", "Topic authorization failed"), SECONDS)
    kafka.allow("worker", "topic", NAME, "READ")
    until(scene.is_ready, 20)


@pytest.mark.timeout(120)
def test_a_wrong_password_is_told_as_such(secured: tuple[SecuredKafka, Scene]) -> None:
    kafka, scene = secured
    scene.environment |= kafka.environment("worker", "wrong-password")
    scene.start()
    until(lambda: scene.says("SASL authentication error"), 40)
    log = scene.worker.log.read_text() if scene.worker is not None else ""
    assert "wrong-password" not in log
    assert "SASL authentication error" in log
