"""Kafka and ClickHouse for tests: servers that run already, commands that start them, Docker, or the embedded ones."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError

# Containers are removed here; the reaper would be one more image, and one more thing that holds Docker's socket.
# testcontainers reads this once, when it is imported.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
from testcontainers.core.container import DockerContainer

KAFKA_IMAGE = "apache/kafka:4.3.1"
CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.9"
# Below the range from which Linux takes the local ports of outgoing connections (32768 and up).
PORTS = range(20000, 32000)
ATTEMPTS = 3
# A server starts within 10 s; a cold one on a busy machine may need several times that.
START_SECONDS = 90.0
STOP_SECONDS = 15.0
# Below pytest's time-out for one test, which counts its fixtures too.
PULL_SECONDS = 90.0


class ServerUnavailableError(Exception):
    """This machine offers no way to have the server: the reason to skip what needs it."""


class ServerFailedError(Exception):
    """There is a way to have the server, but it does not start; the message ends with its log."""


@dataclass(frozen=True)
class ClickHouseServer:
    """Where a ClickHouse server answers, and a user of it who may do everything."""

    url: str
    user: str = "default"
    password: str = ""


@contextmanager
def kafka_server(folder: Path) -> Iterator[str]:
    """The `bootstrap.servers` of a broker that is there while the context lasts; its files are in `folder`."""
    if address := os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS"):
        yield address
    elif command := os.environ.get("TEST_KAFKA_COMMAND"):
        with _process(command, ("--port", "--controller-port"), folder, _kafka_answers) as port:
            yield f"127.0.0.1:{port}"
    elif _can_run(KAFKA_IMAGE):
        with _container(KAFKA_IMAGE, 9092, _kafka_environment, _kafka_answers) as port:
            yield f"127.0.0.1:{port}"
    else:
        with _embedded_broker(folder) as address:
            yield address


@contextmanager
def clickhouse_server(folder: Path) -> Iterator[ClickHouseServer]:
    """A ClickHouse server that is there while the context lasts; its files are in `folder`."""
    if url := os.environ.get("TEST_CLICKHOUSE_URL"):
        yield ClickHouseServer(url)
    elif command := os.environ.get("TEST_CLICKHOUSE_COMMAND"):
        with _process(command, ("--http-port", "--tcp-port"), folder, _clickhouse_answers) as port:
            yield ClickHouseServer(f"http://127.0.0.1:{port}")
    elif _can_run(CLICKHOUSE_IMAGE):
        with _container(CLICKHOUSE_IMAGE, 8123, _clickhouse_environment, _clickhouse_answers) as port:
            yield ClickHouseServer(f"http://127.0.0.1:{port}", "tests", "tests")
    else:
        raise ServerUnavailableError(
            "no ClickHouse server: set TEST_CLICKHOUSE_URL or TEST_CLICKHOUSE_COMMAND,"
            f" or start a Docker engine that can have {CLICKHOUSE_IMAGE}"
        )


@contextmanager
def _process(
    command: str, port_options: tuple[str, str], folder: Path, answers: Callable[[int], bool]
) -> Iterator[int]:
    """A server started by a command, in a process group of its own; gives the port of the first option."""
    with _started(command, port_options, folder, answers) as server:
        yield server.port


class RestartableServer:
    """A server that a command starts, in a process group of its own: it can be killed, and started again on the same
    folder and ports."""

    def __init__(
        self, command: str, port_options: tuple[str, str], folder: Path, answers: Callable[[int], bool]
    ) -> None:
        ports = [free_port(), free_port()]
        options = [text for option, port in zip(port_options, ports, strict=True) for text in (option, str(port))]
        self.port = ports[0]
        self.folder = folder
        self.log = folder / f"server-{self.port}.log"
        self._arguments = [*shlex.split(command), "--data", str(folder / "data"), *options]
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Start it and wait until it answers; whether it does."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        return _becomes_ready(lambda: self._answers(self.port), lambda: process.poll() is None)

    def kill(self) -> None:
        """End it as kill -9 does, at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            _end_group(self._process)


@contextmanager
def restartable_kafka(folder: Path) -> Iterator[RestartableServer]:
    """A broker of the caller's own, which may be killed. Raises `ServerUnavailableError` without a command for it."""
    command = _command_of("TEST_KAFKA_COMMAND")
    with _started(command, ("--port", "--controller-port"), folder, _kafka_answers) as server:
        yield server


@contextmanager
def restartable_clickhouse(folder: Path) -> Iterator[RestartableServer]:
    """A ClickHouse of the caller's own, which may be killed. Raises `ServerUnavailableError` without a command."""
    command = _command_of("TEST_CLICKHOUSE_COMMAND")
    with _started(command, ("--http-port", "--tcp-port"), folder, _clickhouse_answers) as server:
        yield server


def _command_of(variable: str) -> str:
    if command := os.environ.get(variable):
        return command
    raise ServerUnavailableError(f"no server that may be killed: set {variable} to the command that starts one")


@contextmanager
def _started(
    command: str, port_options: tuple[str, str], folder: Path, answers: Callable[[int], bool]
) -> Iterator[RestartableServer]:
    for _ in range(ATTEMPTS):
        server = RestartableServer(command, port_options, folder, answers)
        try:
            if server.start():
                yield server
                return
        finally:
            server.stop()
    raise ServerFailedError(f"`{command}` does not start:\n{_tail(server.log.read_text(errors='replace'))}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


@contextmanager
def _container(
    image: str, inner_port: int, environment_of: Callable[[int], dict[str, str]], answers: Callable[[int], bool]
) -> Iterator[int]:
    """A server in a container that is removed at the end; gives its port on 127.0.0.1."""
    for _ in range(ATTEMPTS):
        port = free_port()
        container = _new_container(image, environment_of(port), {str(inner_port): ("127.0.0.1", port)})
        try:
            container.start()
            if _becomes_ready(lambda port=port: answers(port), lambda container=container: _is_running(container)):
                yield port
                return
            log = b"\n".join(container.get_logs()).decode(errors="replace")
        except APIError as error:  # the port was taken meanwhile, or the engine says what else is wrong
            log = str(error)
        finally:
            container.stop()
    raise ServerFailedError(f"{image} does not start:\n{_tail(log)}")


def _new_container(image: str, environment: dict[str, str], ports: dict[str, tuple[str, int]]) -> DockerContainer:
    container = DockerContainer(image).with_envs(**environment)
    container.ports.update(ports)
    return container


def _is_running(container: DockerContainer) -> bool:
    container.reload()
    return container.status == "running"


@contextmanager
def _embedded_broker(folder: Path) -> Iterator[str]:
    try:
        from deploy.embedded_broker import EmbeddedBroker
    except ImportError as error:
        raise ServerUnavailableError(
            f"no Kafka: set TEST_KAFKA_COMMAND, start Docker or install it ({error})"
        ) from None
    broker = EmbeddedBroker(log_file=folder / "broker.log")
    try:
        yield broker.start()
    finally:
        broker.stop()


def _kafka_environment(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _clickhouse_environment(_: int) -> dict[str, str]:
    return {"CLICKHOUSE_USER": "tests", "CLICKHOUSE_PASSWORD": "tests", "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1"}


def _kafka_answers(port: int) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    quiet = {"log_level": 0}  # refused connections are what waiting for a start looks like
    try:
        return bool(AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", **quiet}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def _clickhouse_answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as response:
            return bool(response.read() == b"Ok.\n")
    except (OSError, urllib.error.URLError):
        return False


def _becomes_ready(answers: Callable[[], bool], is_alive: Callable[[], bool]) -> bool:
    """Whether the server answers in time. That it lives then still shows that it was not another one on its port."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and is_alive():
        if answers():
            return is_alive()
        time.sleep(0.1)
    return False


def free_port() -> int:
    """A port that nobody listens on now. Another process may still take it: who uses it tries again with another."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _can_run(image: str) -> bool:
    """Whether a Docker engine answers that has the image, or can fetch it."""
    if shutil.which("docker") is None or not _docker("info", timeout=10):
        return False
    return _docker("image", "inspect", image, timeout=10) or _docker("pull", "--quiet", image, timeout=PULL_SECONDS)


def _docker(*arguments: str, timeout: float) -> bool:
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, timeout=timeout, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.splitlines()[-lines:])
