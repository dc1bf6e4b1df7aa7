"""Servers that are away, frozen, or refuse: the worker says which and why within 15 s, and goes on afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer

from bench.systems.server_command import StartedServer, free_port
from tests.ingest_worker.house import until
from tests.integration.ingest.test_ingest_command import DATA_SOURCE, Command
from tests.secured.secured_kafka import SecuredKafka
from tests.servers import ServerUnavailableError, restartable_clickhouse, restartable_kafka

# As docs/ingest.md promises. Ten of them at most are the times of the worker itself, the rest is for a busy machine.
SECONDS = 15.0


class Scene:
    """A worker on servers that may be stopped, with a topic and a database of its own."""

    def __init__(self, folder: Path, clickhouse: StartedServer, address: dict[str, str]) -> None:
        self.folder, self.clickhouse = folder, clickhouse
        self.name = f"outages_{uuid.uuid4().hex}"
        self.worker: Command | None = None
        (folder / "datasources").mkdir()
        (folder / "datasources" / f"{self.name}.datasource").write_text(DATA_SOURCE)
        self.environment = {
            **address,
            "CLICKHOUSE_URL": f"http://127.0.0.1:{clickhouse.port}",
            "CLICKHOUSE_DATABASE": self.name,
            "PROJECT_DIR": str(folder),
            "DEPLOY_ON_START": "true",
            "BIRDHOUSE_LOG_FORMAT": "json",
        }

    def start(self) -> None:
        port = free_port()
        self.environment["BIRDHOUSE_INGEST_ADMIN_PORT"] = str(port)
        self.worker = Command(self.environment, self.folder / "log")

    def end(self) -> None:
        """End the worker, which leaves its group as long as it can: the next test's is in the same."""
        if self.worker is not None:
            self.worker.process.terminate()
            try:
                self.worker.process.wait(10)
            except subprocess.TimeoutExpired:
                self.worker.process.kill()
                self.worker.process.wait()

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
            producer.produce(self.name, json.dumps({"id": str(number)}).encode())
        assert producer.flush(30) == 0


@pytest.fixture(scope="module")
def clickhouse_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    try:
        with restartable_clickhouse(tmp_path_factory.mktemp("clickhouse")) as server:
            yield server
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def kafka_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    try:
        with restartable_kafka(tmp_path_factory.mktemp("kafka")) as server:
            yield server
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def scene(tmp_path: Path, kafka_of_ours: StartedServer, clickhouse_of_ours: StartedServer) -> Iterator[Scene]:
    address = {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka_of_ours.port}"}
    made = Scene(tmp_path, clickhouse_of_ours, address)
    try:
        yield made
    finally:
        for server in (kafka_of_ours, clickhouse_of_ours):
            with suppress(ProcessLookupError):  # a test that failed may have left it dead
                os.killpg(server.process_group, signal.SIGCONT)
        made.end()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("session_seconds", [6, 45], ids=["of our own", "longer than a lag is known"])
def test_a_broker_that_is_frozen(scene: Scene, kafka_of_ours: StartedServer, session_seconds: int) -> None:
    """No lag is known any more: the partitions are lost at the end of the session, or their lag is too old before."""
    scene.environment["KAFKA_SESSION_TIMEOUT_MS"] = str(session_seconds * 1_000)
    scene.start()
    until(scene.is_ready)
    # Taken, and measured since then: a broker that is frozen in between leaves a partition without any age of its lag.
    until(lambda: {messages for messages, _, _ in scene.lags()} == {0})
    os.killpg(kafka_of_ours.process_group, signal.SIGSTOP)
    until(lambda: scene.says("Kafka: "), SECONDS)
    until(lambda: {messages for messages, _, _ in scene.lags()} <= {None}, SECONDS)
    if session_seconds < SECONDS:
        until(lambda: not scene.lags(), SECONDS)  # on a busy machine the lag may be too old before
    lags = scene.lags()
    assert bool(lags) == (session_seconds > SECONDS)
    assert all(seconds is None and float(str(age)) > 14 for _, seconds, age in lags)
    os.killpg(kafka_of_ours.process_group, signal.SIGCONT)
    until(scene.is_ready, 40)


@pytest.mark.timeout(240)
def test_a_broker_that_is_gone(scene: Scene, kafka_of_ours: StartedServer) -> None:
    scene.start()
    until(scene.is_ready)
    kafka_of_ours.kill()
    until(lambda: scene.says("Kafka: ", "Connection refused"), SECONDS)
    time.sleep(20)
    assert scene.says("Connection refused")
    warnings = [line for line in scene.lines() if line["level"] in ("warning", "error")]
    # Some kinds of lines, each once a minute; not one for each of librdkafka's attempts.
    assert len(warnings) < 30, [line["message"] for line in warnings]
    assert kafka_of_ours.start()
    until(scene.is_ready, 60)


@pytest.mark.timeout(240)
def test_a_clickhouse_that_is_frozen_and_one_that_is_gone(scene: Scene, kafka_of_ours: StartedServer) -> None:
    scene.start()
    until(scene.is_ready)
    scene.produce({"bootstrap.servers": f"127.0.0.1:{kafka_of_ours.port}"}, 100)
    os.killpg(scene.clickhouse.process_group, signal.SIGSTOP)
    until(lambda: scene.says("ClickHouse: it takes connections and does not answer within 3 s"), SECONDS)
    os.killpg(scene.clickhouse.process_group, signal.SIGCONT)
    until(scene.is_ready, SECONDS)
    scene.clickhouse.kill()
    until(lambda: scene.says("ClickHouse: connection refused"), SECONDS)
    assert scene.clickhouse.start()
    until(scene.is_ready, 30)


@pytest.fixture
def secured_scene(tmp_path: Path, secured: SecuredKafka, clickhouse_of_ours: StartedServer) -> Iterator[Scene]:
    made = Scene(tmp_path, clickhouse_of_ours, secured.environment("worker"))
    yield made
    made.end()


TOPIC_RIGHTS = ("READ", "DESCRIBE", "CREATE")


@pytest.mark.timeout(240)
def test_a_worker_that_may_not_and_one_that_may_no_more(secured: SecuredKafka, secured_scene: Scene) -> None:
    kafka, scene = secured, secured_scene
    scene.start()
    until(lambda: scene.says("uthorization failed"), 40)
    kafka.allow("worker", "topic", scene.name, *TOPIC_RIGHTS)
    until(lambda: scene.says("not joined yet", "Group authorization failed"), 40)
    kafka.allow("worker", "group", "birdhouse", "READ")
    until(scene.is_ready, 60)
    scene.produce(kafka.config("admin"), 50)
    kafka.forbid("worker", "topic", scene.name, "READ")
    until(lambda: scene.says(f"partition {scene.name}/", "Topic authorization failed"), SECONDS)
    kafka.allow("worker", "topic", scene.name, "READ")
    until(scene.is_ready, 20)


@pytest.mark.timeout(120)
def test_a_wrong_password_is_told_as_such(secured: SecuredKafka, secured_scene: Scene) -> None:
    kafka, scene = secured, secured_scene
    scene.environment |= kafka.environment("worker", "wrong-password")
    scene.start()
    until(lambda: scene.says("SASL authentication error"), 40)
    log = scene.worker.log.read_text() if scene.worker is not None else ""
    assert "wrong-password" not in log
    assert "SASL authentication error" in log
