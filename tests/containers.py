"""The containers of one test run: on a network of their own, and removed by the next run after one that was killed."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from docker.errors import APIError
from docker.models.containers import Container

# Containers are removed here; the reaper would be one more image, and one more thing that holds Docker's socket.
# testcontainers reads this once, when it is imported.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

# On every container and network of a run: the machine, and a file there that the run's process holds locked. The kernel
# lets go of a lock however its process ends, and unlike a process id no other process ever gets it.
RUN_LABEL = "birdhouse.tests.run"
PREFIX = "birdhouse-tests-"


class ContainerRun:
    """Makes containers that reach each other by their names; nothing is made before the first one is wanted."""

    def __init__(self) -> None:
        self._lock: int | None = None
        self._lock_file = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid.uuid4().hex}.lock"
        self._network: Network | None = None

    def new_container(self, image: str, name: str) -> DockerContainer:
        """A container that is not started yet; those of the run reach it as `name`. The caller stops it."""
        if self._network is None:
            self._network = self._begin()
        return (
            DockerContainer(image)
            .with_network(self._network)
            .with_network_aliases(name)
            .with_kwargs(labels=self._labels)
        )

    @property
    def network_name(self) -> str | None:
        return None if self._network is None else self._network.name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._network is not None:
            self._network.remove()
            self._network = None
        if self._lock is not None:
            self._lock_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    @property
    def _labels(self) -> dict[str, str]:
        return {RUN_LABEL: f"{socket.gethostname()}:{self._lock_file}"}

    def _begin(self) -> Network:
        # Locked before anything bears its name.
        self._lock = os.open(self._lock_file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        remove_left_behind()
        return Network(docker_network_kw={"labels": self._labels}).create()


def remove_left_behind() -> None:
    """Remove containers and networks of runs on this machine whose process is gone; all others stay."""
    client = DockerClient().client
    try:
        mark = {"label": RUN_LABEL}
        for container in client.containers.list(all=True, filters=mark):
            if _is_gone(container.labels[RUN_LABEL]):
                _remove(container)
        for network in client.networks.list(filters=mark):
            if _is_gone(network.attrs["Labels"][RUN_LABEL]):
                with suppress(APIError):  # another run that begins was first
                    network.remove()
        for lock_file in Path(tempfile.gettempdir()).glob(f"{PREFIX}*.lock"):
            if not _is_held(lock_file):
                lock_file.unlink(missing_ok=True)
    finally:
        client.close()


def _remove(container: Container) -> None:
    with suppress(APIError):  # another run that begins was first
        container.remove(force=True, v=True)


def _is_gone(label: str) -> bool:
    machine, _, lock_file = label.partition(":")
    return machine == socket.gethostname() and not _is_held(Path(lock_file))


def _is_held(lock_file: Path) -> bool:
    try:
        with lock_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # locked, or another user's: not ours to judge
        return True
    return False
