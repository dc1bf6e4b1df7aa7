"""The whole product as its users run it: two worker processes and the API, real servers, events broken in every way.

`TEST_EVENTS=1000000` makes it the acceptance run; the default is small enough for every run of the tests.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from bench.systems.server_command import free_port
from schemas.project import EXAMPLE_PROJECT
from tests.servers import ClickHouseServer

EVENTS = int(os.environ.get("TEST_EVENTS", "30000"))
WORKER_MEMORY_BYTES = 400 * 1024 * 1024
GOOD = {
    "event_type": "page_view",
    "timestamp": "2025-05-12 07:04:14",
    "app_version": "3.5.5",
    "device_type": "tablet",
    "os": "Windows",
    "country": "FR",
    "properties": '{"referrer":"twitter","value":755}',
}
TYPES = ("page_view", "click", "sign_up", "purchase")


def good(number: int, **changes: object) -> bytes:
    user = f"user_{number % 1000}"
    varied = {
        "event_id": f"ev_{number}",
        "event_type": TYPES[number % 7 % len(TYPES)],
        "user_id": user,
        "session_id": f"sess_{number % 5000}",
        "platform": ("web", "android", "ios")[number % 3],
    }
    return json.dumps({**GOOD, **varied, **changes}).encode()


def without(number: int, name: str) -> bytes:
    event = json.loads(good(number))
    del event[name]
    return json.dumps(event).encode()


def broken(number: int) -> bytes | None:
    """A message that must end in quarantine; which kind it is goes round with the number."""
    kinds: tuple[bytes | None, ...] = (
        b"no json at all",
        b"[1, 2, 3]",
        b'"text"',
        b"",
        None,
        good(number).replace(b"FR", b"\xff\xfe"),
        good(number).replace(b"FR", b"\\ud83d"),
        good(number)[:-1] + b', "deep": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        good(number) + b"\n" + good(number),
        good(number) + b"}",
        without(number, "user_id"),
        good(number, user_id=None),
        good(number, timestamp="yesterday"),
        good(number, timestamp=1747033454),
        good(number, timestamp="2025-02-30 00:00:00"),
        good(number, timestamp="3025-01-01 00:00:00"),
    )
    return kinds[number // 100 % len(kinds)]


@pytest.fixture
def environment(
    kafka: str, clickhouse: ClickHouseServer, database: str, tmp_path: Path, unique_name: str
) -> dict[str, str]:
    """Settings of all three processes, with the example project on a topic of its own."""
    project = tmp_path / "project"
    shutil.copytree(EXAMPLE_PROJECT / "datasources", project / "datasources")
    shutil.copytree(EXAMPLE_PROJECT / "pipes", project / "pipes")
    with (project / "datasources" / "events.datasource").open("a") as file:
        file.write(f"\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC {unique_name}\nKAFKA_GROUP_ID {unique_name}\n")
        file.write("KAFKA_AUTO_OFFSET_RESET earliest\n")
    return {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BIRDHOUSE_", "KAFKA_", "CLICKHOUSE_"))
        },
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "PROJECT_DIR": str(project),
        "DEPLOY_ON_START": "true",
        "BIRDHOUSE_SECRET": "a secret of the tests",
    }


@contextmanager
def process(module: str, environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        running = subprocess.Popen([sys.executable, "-m", module], env=dict(environment), stderr=output)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0, log.read_text()[-3000:]


def peak_memory(running: subprocess.Popen[bytes]) -> int:
    """The most memory that a process has had at one time, in bytes."""
    status = Path(f"/proc/{running.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def ask(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=30) as response:
        answer: dict[str, object] = json.load(response)
        return answer


def wait_for(address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.1)


@pytest.mark.timeout(900)
def test_what_was_produced_is_stored_and_answered(
    environment: dict[str, str], database: str, clickhouse_client: Client, kafka: str, tmp_path: Path, unique_name: str
) -> None:
    ports = [str(free_port()) for _ in range(4)]
    workers = [{**environment, "BIRDHOUSE_INGEST_ADMIN_PORT": port} for port in ports[:2]]
    api = {**environment, "BIRDHOUSE_API_PORT": ports[2], "BIRDHOUSE_API_ADMIN_PORT": ports[3]}
    logs = [tmp_path / f"{name}.log" for name in ("worker-1", "worker-2", "api")]
    with (
        process("ingest_worker", workers[0], logs[0]) as first,
        process("ingest_worker", workers[1], logs[1]) as second,
        process("query_api", api, logs[2]),
    ):
        for port, log in zip((ports[0], ports[1], ports[3]), logs, strict=True):
            wait_for(f"http://127.0.0.1:{port}/readyz", log)
        started = time.monotonic()
        bad = produce(kafka, unique_name)
        drained = stored(clickhouse_client, database, bad)
        seconds = time.monotonic() - started
        memory = [peak_memory(running) for running in (first, second)]
        check_answers(ports[2], environment, bad)
    check_tables(clickhouse_client, database, unique_name, bad)
    assert drained == (EVENTS - bad, bad)
    print(f"{EVENTS} events, {bad} of them broken, in {seconds:.1f} s; peak memory of the workers {memory} bytes")
    assert max(memory) < WORKER_MEMORY_BYTES
    assert all(logs[number].read_text().count('"inserted"') for number in (0, 1)), "one of the workers did nothing"


def produce(kafka: str, topic: str) -> int:
    """Produce EVENTS messages, every hundredth of them broken; gives how many those were."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    bad = 0
    order = random.Random(7)
    for number in range(EVENTS):
        is_bad = number % 100 == 50
        bad += is_bad
        while True:
            try:
                producer.produce(topic, broken(number) if is_bad else good(number), partition=order.randrange(6))
                break
            except BufferError:
                producer.poll(0.5)
    assert producer.flush(120) == 0
    return bad


def stored(client: Client, database: str, bad: int) -> tuple[int, int]:
    """Wait until as many rows are there as were produced; gives the rows of the table and of the quarantine."""
    deadline = time.monotonic() + 600
    while True:
        tables = (f"`{database}`.events", f"`{database}`.events_quarantine")
        events, quarantined = (int(client.query(f"SELECT count() FROM {table}").result_rows[0][0]) for table in tables)
        if events + quarantined >= EVENTS or time.monotonic() > deadline:
            return events, quarantined
        time.sleep(0.2)


def check_tables(client: Client, database: str, topic: str, bad: int) -> None:
    assert len(client.query(f"SELECT * FROM `{database}`.events LIMIT 1").column_names) == 11
    places = client.query(
        f"SELECT count(), uniqExact(__topic, __partition, __offset), groupUniqArray(__topic) FROM ("
        f" SELECT __topic, __partition, __offset FROM `{database}`.events UNION ALL"
        f" SELECT __topic, __partition, __offset FROM `{database}`.events_quarantine)"
    ).result_rows[0]
    assert places == (EVENTS, EVENTS, [topic])
    assert client.query(f"SELECT uniqExact(event_id) FROM `{database}`.events").result_rows[0][0] == EVENTS - bad
    reasons = client.query(
        f"SELECT uniqExact(c__error), countIf(empty(c__error)) FROM `{database}`.events_quarantine"
    ).result_rows[0]
    assert reasons[0] > 5
    assert reasons[1] == 0


def check_answers(port: str, environment: Mapping[str, str], bad: int) -> None:
    command = [str(Path(sys.executable).with_name("birdhouse")), "tokens", "dashboard"]
    token = subprocess.run(command, env=dict(environment), capture_output=True, check=True, text=True).stdout.strip()
    pipes = f"http://127.0.0.1:{port}/v0/pipes"
    statistics = ask(f"{pipes}/event_stats.json?token={token}")["data"]
    assert isinstance(statistics, list)
    counts = [row["event_count"] for row in statistics]
    assert sum(counts) == EVENTS - bad
    assert counts == sorted(counts, reverse=True)
    newest = ask(f"{pipes}/get_events.json?token={token}&user_id=user_7&platform=web&limit=5")["data"]
    assert isinstance(newest, list)
    assert len(newest) == 5
    assert {(row["user_id"], row["platform"]) for row in newest} == {("user_7", "web")}
    activity = ask(f"{pipes}/user_activity.json?token={token}&user_id=user_7")["data"]
    assert isinstance(activity, list)
    assert activity[0]["event_count"] == sum(n % 1000 == 7 and n % 100 != 50 for n in range(EVENTS))
    assert len(activity[0]["recent_events"]) == 10
    assert ask(f"{pipes}/user_activity.json?token={token}&user_id=nobody")["data"] == []
