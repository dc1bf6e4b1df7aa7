"""Containers of a test run go with it: at its end, or when the next run begins if it was killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import NotFound
from testcontainers.core.docker_client import DockerClient as OurClient

from tests.containers import remove_left_behind
from tests.servers import CLICKHOUSE_IMAGE, can_run

pytestmark = pytest.mark.sockets

A_RUN = f"""
import sys
from tests.containers import ContainerRun
with ContainerRun() as run:
    container = run.new_container({CLICKHOUSE_IMAGE!r}, "sleeper").with_command("sleep 600").start()
    print(container.get_wrapped_container().id, run.network_name, flush=True)
    sys.stdin.read()
    container.stop()
"""
Start = Callable[[], tuple[subprocess.Popen[str], str, str]]


@pytest.fixture
def engine() -> Iterator[DockerClient]:
    if not can_run(CLICKHOUSE_IMAGE):
        pytest.skip(f"no Docker engine that can have {CLICKHOUSE_IMAGE}")
    client = OurClient().client
    yield client
    client.close()


@pytest.fixture
def start(engine: DockerClient) -> Iterator[Start]:
    """Starts a run with one container in a process of its own; gives process, container and network."""
    processes = []

    def started() -> tuple[subprocess.Popen[str], str, str]:
        process = subprocess.Popen(
            [sys.executable, "-c", A_RUN],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        container, network = process.stdout.readline().split()
        return process, container, network

    yield started
    for process in processes:
        process.kill()
        process.communicate()
    remove_left_behind()


def is_there(engine: DockerClient, container: str, network: str) -> tuple[bool, bool]:
    def found(get: Callable[[str], object], name: str) -> bool:
        try:
            get(name)
        except NotFound:
            return False
        return True

    return found(engine.containers.get, container), found(engine.networks.get, network)


def test_what_a_killed_run_left_behind_is_removed_by_the_next_and_a_live_run_keeps_its_own(
    engine: DockerClient, start: Start
) -> None:
    killed, *of_killed = start()
    killed.kill()
    killed.wait()
    assert is_there(engine, *of_killed) == (True, True)
    alive, *of_alive = start()
    assert is_there(engine, *of_killed) == (False, False)
    remove_left_behind()
    assert is_there(engine, *of_alive) == (True, True)
    alive.communicate()
    assert alive.returncode == 0
    assert is_there(engine, *of_alive) == (False, False)
