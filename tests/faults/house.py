"""One round: servers that may be killed, workers as processes, a load of known ids, and the count at the end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import clickhouse_connect
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.apply import apply
from deploy.bench.server_command import StartedServer, free_port
from deploy.plan import read_plan
from schemas.project import load_project
from tests.faults.judge import RESULTS, Result
from tests.ingest_worker.house import until

PARTITIONS = 6
SESSION_SECONDS = 3
EVENTS_PER_SECOND = 2_000
RECOVERY_SECONDS = 120
DATA_SOURCE = """SCHEMA >
    `id` Int64 `json:$.id`,
    `part` Int32 `json:$.part`

ENGINE "MergeTree"
ENGINE_PARTITION_KEY "part"
ENGINE_SORTING_KEY "id"
"""


class FaultHouse:
    """A data source of this round's own on both servers, under load from `start` until `judge`."""

    def __init__(self, broker: StartedServer, engine: StartedServer, folder: Path, fault: str, seed: int) -> None:
        self.broker, self.engine, self.folder, self.fault, self.seed = broker, engine, folder, fault, seed
        self.name = f"round_{seed}_{time.monotonic_ns()}"
        self.kafka = f"127.0.0.1:{broker.port}"
        self.url = f"http://127.0.0.1:{engine.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.poison = 0.0  # share of bad events
        self.produced = 0
        self._chance = random.Random(seed)
        self._is_over = threading.Event()
        self._load = threading.Thread(target=self._produce, daemon=True)

    def __enter__(self) -> FaultHouse:
        (self.folder / "datasources").mkdir()
        (self.folder / "datasources" / f"{self.name}.datasource").write_text(DATA_SOURCE)
        self.client = clickhouse_connect.get_client(dsn=self.url, autogenerate_session_id=False)
        apply(self.client, read_plan(self.client, load_project(self.folder, environment={}), self.name))
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(self.name, num_partitions=PARTITIONS)])[self.name].result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self._load.join(30)
        self.client.close()

    def environment(self, url: str | None = None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BIRDHOUSE_")}
        return {
            **inherited,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": url or self.url,
            "CLICKHOUSE_DATABASE": self.name,
            "PROJECT_DIR": str(self.folder),
        }

    def worker(self, url: str | None = None) -> subprocess.Popen[bytes]:
        """Start a worker, which reaches ClickHouse at `url`."""
        environment = self.environment(url) | {
            "KAFKA_SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1000),
            "KAFKA_HEARTBEAT_INTERVAL_MS": "500",
            "BIRDHOUSE_INGEST_INSERT_SECONDS": "10",
            "BIRDHOUSE_INGEST_ADMIN_PORT": str(free_port()),
        }
        with (self.folder / f"worker-{len(list(self.folder.glob('worker-*')))}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "ingest_worker"], env=environment, stderr=log)
        self.workers.append(process)
        return process

    def kill(self, worker: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
        """End a worker by a signal and wait for its end."""
        worker.send_signal(number)
        worker.wait(60)
        self.workers.remove(worker)

    def start(self, *, workers: int = 1, url: str | None = None) -> list[subprocess.Popen[bytes]]:
        """Workers and load; returns once events are stored."""
        started = [self.worker(url) for _ in range(workers)]
        self._load.start()
        until(lambda: self._count("count()")[0] > 0, RECOVERY_SECONDS)
        return started

    def judge(self) -> None:
        """End the load, wait until all is committed, count, and let `birdhouse verify` look."""
        ended = time.monotonic()
        self._is_over.set()
        self._load.join(RECOVERY_SECONDS)
        assert not self._load.is_alive(), "the load's events were not acknowledged"
        until(lambda: self._committed() >= self.produced, RECOVERY_SECONDS)
        seconds = time.monotonic() - ended
        rows, distinct = self._count("count(), uniqExact(id)")
        command = [sys.executable, "-c", "from deploy.cli import main; main()", "verify", "--format", "json"]
        said = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120)
        verdict = json.loads(said.stdout)["verdict"] if said.stdout else said.stderr
        result = Result(
            self.fault, self.seed, self.produced, self.produced - distinct, rows - distinct, verdict, seconds
        )
        RESULTS.append(result)
        assert (result.lost, result.doubled, result.verdict) == (0, 0, "well"), said.stdout

    def _count(self, what: str) -> tuple[int, ...]:
        table = f"`{self.name}`.`{self.name}`"
        bad = f"`{self.name}`.`{self.name}_quarantine`"
        ids = f"SELECT id FROM {table} UNION ALL SELECT toInt64(extract(__value, 'id.: ([0-9]+)')) FROM {bad}"
        return tuple(self.client.query(f"SELECT {what} FROM ({ids})").result_rows[0])

    def _committed(self) -> int:
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "birdhouse"})
        places = consumer.committed([TopicPartition(self.name, number) for number in range(PARTITIONS)], timeout=20)
        consumer.close()
        return sum(max(0, place.offset) for place in places)

    def _produce(self) -> None:
        """Numbers from 0 on; `produced` of them are acknowledged when this ends, across restarts of the broker too."""
        producer = Producer(
            {"bootstrap.servers": self.kafka, "enable.idempotence": True, "linger.ms": 20, "log_level": 0}
        )
        number = 0
        while not self._is_over.wait(0.05):
            for _ in range(EVENTS_PER_SECOND // 20):
                good = json.dumps({"id": number, "part": number % 7})
                is_bad = self._chance.random() < self.poison
                bad = self._chance.choice([good[:-1], good.replace('"part": ', '"part": "x'), f"[{good}]"])
                producer.produce(self.name, bad if is_bad else good, partition=number % PARTITIONS)
                number += 1
            producer.poll(0)
        assert producer.flush(RECOVERY_SECONDS) == 0
        self.produced = number
