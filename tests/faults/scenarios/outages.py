"""Servers that are there and do not answer, or refuse: said within 15 s, and over as soon as they are."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka.cimpl import NewTopic

from bench.systems.server_command import free_port
from tests.faults.house import FaultHouse
from tests.faults.registry import fault
from tests.faults.scenarios.restarts import SECRET, Service, ask
from tests.secured.secured_kafka import secured_kafka

SAID_SECONDS = 15.0
BACK_SECONDS = 30.0
_API = Path(__file__).parents[1] / "altered_api.py"


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if condition():
                return True
        time.sleep(0.1)
    return False


def freeze(house: FaultHouse, group: int, server: str) -> None:
    """Stop all processes of a server for longer than the worker may take to notice, under load."""
    house.start()
    port = house.admin_port
    house.pause(0, 2)

    def is_said() -> bool:
        status, body = ask(port, "GET", "/readyz")
        return status == 503 and f"{server}: ".encode() in body

    os.killpg(group, signal.SIGSTOP)
    try:
        said = comes_true(is_said, SAID_SECONDS)
    finally:
        os.killpg(group, signal.SIGCONT)
    house.cause_is_over()
    is_back = comes_true(lambda: ask(port, "GET", "/readyz")[0] == 200, BACK_SECONDS)
    house.demand(lambda: said, f"{server}'s outage is said within {SAID_SECONDS:g} s")
    house.demand(lambda: is_back, "the worker is ready again")
    house.judge()


@fault("broker frozen")
def broker_frozen(house: FaultHouse) -> None:
    freeze(house, house.broker.process_group, "Kafka")


@fault("ClickHouse frozen")
def clickhouse_frozen(house: FaultHouse) -> None:
    freeze(house, house.engine.process_group, "ClickHouse")


@fault("API that may not write")
def api_that_may_not_write(house: FaultHouse) -> None:
    """On a broker of its own with users: refused until the right is granted, then taken without a restart."""
    house.start()
    with secured_kafka(house.folder) as broker:
        broker.admin.create_topics([NewTopic(house.name, num_partitions=1)])[house.name].result(30)
        broker.allow("app", "topic", house.name, "DESCRIBE")
        port, admin_port = free_port(), free_port()
        environment = {
            **house.environment(),
            **broker.environment("app"),
            "BIRDHOUSE_SECRET": SECRET,
            "BIRDHOUSE_API_PORT": str(port),
            "BIRDHOUSE_API_ADMIN_PORT": str(admin_port),
        }
        with (house.folder / "api.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, str(_API), *house.without], env=environment, stderr=log)
        try:
            _grant(house, Service(process, port, admin_port), lambda: broker.allow("app", "topic", house.name, "WRITE"))
        finally:
            process.kill()
            process.wait()
    house.judge()


def _grant(house: FaultHouse, api: Service, allow: Callable[[], None]) -> None:
    event = json.dumps({"id": 1, "part": 0}).encode()

    def is_refused() -> bool:
        return b"Cluster authorization failed" in ask(api.admin_port, "GET", "/readyz")[1]

    def is_taken() -> bool:
        return ask(api.port, "POST", f"/v0/events?name={house.name}", event)[0] == 202

    said = comes_true(is_refused, 2 * BACK_SECONDS)
    house.pause(0, 3)
    allow()
    house.cause_is_over()
    is_back = comes_true(is_taken, BACK_SECONDS) and comes_true(api.is_ready, BACK_SECONDS)
    house.demand(lambda: said, "the refusal is said")
    house.demand(lambda: is_back, "events are taken once the right is granted")
