"""Starts a Kafka or ClickHouse server from a command that takes `--data` and two ports; benches and tests use it."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from service.errors import ServerError

KAFKA_PORTS = ("--port", "--controller-port")
CLICKHOUSE_PORTS = ("--http-port", "--tcp-port")
# Below the range from which Linux takes the local ports of outgoing connections (32768 and up).
PORTS = range(20000, 32000)
_GIVEN: set[int] = set()
ATTEMPTS = 3
# A server starts within 10 s; a cold one on a busy machine may need several times that.
START_SECONDS = 90.0
STOP_SECONDS = 15.0
COORDINATOR_SECONDS = 5.0
# Kafka assigns a group to a partition of `__consumer_offsets` by Java's hash of its name, which for names of one
# character counts up: these are on five partitions, or on all there are if that is fewer.
_GROUPS = "01234"


class StartedServer:
    """A server that answers at `port` of 127.0.0.1, alone in a process group; it can be killed, and started again on
    the same folder and ports."""

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

    @property
    def process_group(self) -> int:
        """The id of the group that it is alone in."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> bool:
        """Start it and wait until it answers; whether it does."""
        with self.log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - the command that the caller set
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        return becomes_ready(partial(self._answers, self.port), partial(_is_alive, process))

    def kill(self) -> None:
        """End it as kill -9 does, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            end_group(self._process)


@contextmanager
def started_server(
    command: str, port_options: tuple[str, str], folder: Path, answers: Callable[[int], bool]
) -> Iterator[StartedServer]:
    """A server that runs while the context lasts, with its files and logs in `folder`.

    Raises `ServerError` with the end of its log when it does not start.
    """
    for _ in range(ATTEMPTS):
        server = StartedServer(command, port_options, folder, answers)
        try:
            if server.start():
                yield server
                return
        finally:
            server.stop()
    raise ServerError(f"`{command}` does not start:\n{tail(server.log.read_text(errors='replace'))}")


def _is_alive(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group of its own, and the rest of the group with it; asked first, then killed."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def kafka_answers(port: int) -> bool:
    """Whether the broker serves clients, groups and transactions.

    Its port opens first, and the topics in which its coordinators keep offsets and transactions are made when somebody
    asks for one. Until they are loaded, commits are refused (NOT_COORDINATOR) and a transaction waits.
    """
    # Refused connections are what waiting for a start looks like.
    config: dict[str, Any] = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0}
    try:
        if not AdminClient(config).list_topics(timeout=2).brokers:
            return False
        for group in _GROUPS:
            with closing(Consumer(config | {"group.id": group})) as consumer:
                consumer.committed([TopicPartition("probe", 0)], timeout=COORDINATOR_SECONDS)
        Producer(config | {"transactional.id": "probe"}).init_transactions(COORDINATOR_SECONDS)
    except KafkaException:
        return False
    return True


def clickhouse_answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as response:
            return bool(response.read() == b"Ok.\n")
    except (OSError, urllib.error.URLError):
        return False


def becomes_ready(answers: Callable[[], bool], is_alive: Callable[[], bool]) -> bool:
    """Whether the server answers in time. That it lives then still shows that it was not another one on its port."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and is_alive():
        if answers():
            return is_alive()
        time.sleep(0.1)
    return False


def free_port() -> int:
    """A port that nobody listens on now and that this process was not given before. Another process may still take it:
    who uses it tries again with another."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        if port in _GIVEN:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _GIVEN.add(port)
            return port


def tail(text: str, lines: int = 40) -> str:
    return "\n".join(text.splitlines()[-lines:])
