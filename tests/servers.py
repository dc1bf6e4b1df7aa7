"""Kafka and ClickHouse for tests: servers that run already, commands that start them, Docker, or the embedded ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from docker.errors import APIError
from testcontainers.core.container import DockerContainer

from bench.systems.server_command import (
    ATTEMPTS,
    CLICKHOUSE_PORTS,
    KAFKA_PORTS,
    StartedServer,
    becomes_ready,
    clickhouse_answers,
    free_port,
    kafka_answers,
    started_server,
    tail,
)
from tests.containers import ContainerRun

KAFKA_IMAGE = "apache/kafka:4.3.1"
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.9"
# Below pytest's time-out for one test, which counts its fixtures too.
PULL_SECONDS = 90.0
# Where the broker's container answers the other containers of its run.
INNER_PORT = 9094


class ServerUnavailableError(Exception):
    """This machine offers no way to have the server: the reason to skip what needs it."""


class ServerFailedError(Exception):
    """There is an image of the server, but it does not start; the message ends with its log."""


@dataclass(frozen=True)
class KafkaServer:
    """A broker's `bootstrap.servers`, as this process reaches it and as the ClickHouse of the same run does."""

    address: str
    address_for_clickhouse: str


@dataclass(frozen=True)
class ClickHouseServer:
    """Where a ClickHouse server answers, and a user of it who may do everything."""

    url: str
    user: str = "default"
    password: str = ""


@contextmanager
def kafka_server(folder: Path, run: ContainerRun) -> Iterator[KafkaServer]:
    """A broker that is there while the context lasts; its files are in `folder`, or it is a container of `run`."""
    if address := os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS"):
        yield KafkaServer(address, address)
    elif command := os.environ.get("TEST_KAFKA_COMMAND"):
        with started_server(command, KAFKA_PORTS, folder, kafka_answers) as server:
            address = f"127.0.0.1:{server.port}"
            yield KafkaServer(address, address)
    elif can_run(KAFKA_IMAGE):
        with _container(run, KAFKA_IMAGE, "kafka", 9092, _kafka_environment, kafka_answers) as (port, name):
            address = f"127.0.0.1:{port}"
            yield KafkaServer(address, f"{name}:{INNER_PORT}" if _has_clickhouse_in_a_container() else address)
    else:
        with _embedded_broker(folder) as address:
            yield KafkaServer(address, address)


@contextmanager
def clickhouse_server(folder: Path, run: ContainerRun) -> Iterator[ClickHouseServer]:
    """A ClickHouse that is there while the context lasts; its files are in `folder`, or it is a container of `run`."""
    if url := os.environ.get("TEST_CLICKHOUSE_URL"):
        yield ClickHouseServer(url)
    elif command := os.environ.get("TEST_CLICKHOUSE_COMMAND"):
        with started_server(command, CLICKHOUSE_PORTS, folder, clickhouse_answers) as server:
            yield ClickHouseServer(f"http://127.0.0.1:{server.port}")
    elif can_run(CLICKHOUSE_IMAGE):
        with _container(run, CLICKHOUSE_IMAGE, "clickhouse", 8123, _clickhouse_environment, clickhouse_answers) as (
            port,
            _,
        ):
            yield ClickHouseServer(f"http://127.0.0.1:{port}", "tests", "tests")
    else:
        raise ServerUnavailableError(
            "no ClickHouse server: set TEST_CLICKHOUSE_URL or TEST_CLICKHOUSE_COMMAND,"
            f" or start a Docker engine that can have {CLICKHOUSE_IMAGE}"
        )


@contextmanager
def restartable_kafka(folder: Path) -> Iterator[StartedServer]:
    """A broker of the caller's own, which may be killed. Raises `ServerUnavailableError` without a command for it."""
    with started_server(_command_of("TEST_KAFKA_COMMAND"), KAFKA_PORTS, folder, kafka_answers) as server:
        yield server


@contextmanager
def restartable_clickhouse(folder: Path) -> Iterator[StartedServer]:
    """A ClickHouse of the caller's own, which may be killed. Raises `ServerUnavailableError` without a command."""
    with started_server(_command_of("TEST_CLICKHOUSE_COMMAND"), CLICKHOUSE_PORTS, folder, clickhouse_answers) as server:
        yield server


def _command_of(variable: str) -> str:
    if command := os.environ.get(variable):
        return command
    raise ServerUnavailableError(f"no server that may be killed: set {variable} to the command that starts one")


@contextmanager
def _container(
    run: ContainerRun,
    image: str,
    role: str,
    inner_port: int,
    environment_of: Callable[[str, int], Mapping[str, str]],
    answers: Callable[[int], bool],
) -> Iterator[tuple[int, str]]:
    """A server in a container that is removed at the end; gives its port on 127.0.0.1 and its name on the network."""
    for _ in range(ATTEMPTS):
        port = free_port()
        name = f"{role}-{port}"
        container = run.new_container(image, name).with_envs(**environment_of(name, port))
        ports: dict[str, Any] = container.ports  # the library writes only one of the forms that Docker takes
        ports[str(inner_port)] = ("127.0.0.1", port)
        try:
            container.start()
            if becomes_ready(partial(answers, port), partial(_is_running, container)):
                yield port, name
                return
            log = b"\n".join(container.get_logs()).decode(errors="replace")
        except APIError as error:  # the port was taken meanwhile, or the engine says what else is wrong
            log = str(error)
        finally:
            container.stop()
    raise ServerFailedError(f"{image} does not start:\n{tail(log)}")


def _is_running(container: DockerContainer) -> bool:
    container.reload()
    return container.status == "running"


@contextmanager
def _embedded_broker(folder: Path) -> Iterator[str]:
    try:
        from deploy.embedded.broker import EmbeddedBroker
    except ImportError as error:
        raise ServerUnavailableError(
            f"no Kafka: set TEST_KAFKA_COMMAND, start Docker or install it ({error})"
        ) from None
    broker = EmbeddedBroker(log_file=folder / "broker.log")
    try:
        yield broker.start()
    finally:
        broker.stop()


def _has_clickhouse_in_a_container() -> bool:
    named = os.environ.get("TEST_CLICKHOUSE_URL") or os.environ.get("TEST_CLICKHOUSE_COMMAND")
    return not named and can_run(CLICKHOUSE_IMAGE)


def _kafka_environment(name: str, port: int) -> dict[str, str]:
    """Two listeners, as a client goes on with the address that the broker gives it: one for processes of this machine,
    one for the run's containers."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:9092,INNER://:{INNER_PORT},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port},INNER://{name}:{INNER_PORT}",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "INNER",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        # These topics are made when the first group or transaction comes. Not the usual 50 partitions each: one is
        # ready sooner.
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _clickhouse_environment(_name: str, _port: int) -> dict[str, str]:
    return {"CLICKHOUSE_USER": "tests", "CLICKHOUSE_PASSWORD": "tests", "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1"}


@cache
def can_run(image: str) -> bool:
    """Whether a Docker engine answers that has the image, or can fetch it."""
    if shutil.which("docker") is None or not _docker("info", timeout=10):
        return False
    return _docker("image", "inspect", image, timeout=10) or _docker("pull", "--quiet", image, timeout=PULL_SECONDS)


def _docker(*arguments: str, timeout: float) -> bool:
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, timeout=timeout, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
