"""What tests of the worker stand on: small projects, workers on real servers, and a line that can be cut."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicPartition

from ingest_worker.context import Context
from ingest_worker.observing.inserts import BatchStored
from ingest_worker.observing.observations import Observation
from ingest_worker.settings import IngestSettings
from ingest_worker.worker import Worker
from schemas.model import Column, ColumnType, DataSource, Engine, JsonPath, KafkaSource, Project
from service.clickhouse.connect import connect_to_insert
from service.deadline import Deadline
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.settings import load_settings
from tests.servers import ClickHouseServer

STRING = ColumnType("String", "String")


def data_source(name: str, topic: str, group: str, engine: Engine | None = None) -> DataSource:
    """A data source with one column, `id`, fed from `topic` under `group`."""
    return DataSource(
        name=name,
        columns=(Column("id", STRING, JsonPath("$.id", ("id",))),),
        engine=engine or Engine("MergeTree", sorting_key="id"),
        kafka=KafkaSource("brokers", topic, group, auto_offset_reset="earliest"),
    )


def project(*data_sources: DataSource) -> Project:
    return Project(Path(), {source.name: source for source in data_sources}, {})


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@dataclass
class House:
    """A project on real servers."""

    kafka: str
    server: ClickHouseServer
    database: str
    client: Client
    project: Project
    compress: bool | None = None  # what goes to ClickHouse; None: as a worker decides
    kafka_properties: dict[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    seen: list[Observation] = field(default_factory=list)

    def deploy(self) -> None:
        apply(self.client, read_plan(self.client, self.project, self.database))

    def worker(self, url: str | None = None, **settings: object) -> Worker:
        """A worker that is started; `settings` are of BIRDHOUSE_INGEST_, in lower case."""
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": url or self.server.url,
            "CLICKHOUSE_USER": self.server.user,
            "CLICKHOUSE_PASSWORD": self.server.password,
            "CLICKHOUSE_DATABASE": self.database,
            **{f"BIRDHOUSE_INGEST_{name.upper()}": str(value) for name, value in settings.items()},
        }
        loaded = load_settings(IngestSettings, environment)
        longest = loaded.insert_seconds
        worker = Worker(
            Context(loaded, lambda: connect_to_insert(loaded, longest, compress=self.compress), self.seen.append),
            self.project,
            lambda _: {"bootstrap.servers": self.kafka, **self.kafka_properties},
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def stop(self, worker: Worker) -> bool:
        self.workers.remove(worker)
        return worker.stop(Deadline.after(20))

    def produce(self, topic: str, ids: Iterator[int] | range, partitions: int = 6) -> None:
        producer = Producer({"bootstrap.servers": self.kafka, "linger.ms": 20})
        for number in ids:
            producer.produce(topic, json.dumps({"id": str(number)}).encode(), partition=number % partitions)
        assert producer.flush(30) == 0

    def count(self, table: str) -> int:
        return int(self.client.query(f"SELECT count() FROM `{self.database}`.`{table}`").result_rows[0][0])

    def sum(self, table: str) -> int:
        """Of the column `n`."""
        return int(self.client.query(f"SELECT sum(n) FROM `{self.database}`.`{table}`").result_rows[0][0])

    def ids(self, table: str) -> list[int]:
        """The stored ids, sorted: every one is there as often as it was stored."""
        rows = self.client.query(f"SELECT toInt64(id) FROM `{self.database}`.`{table}` ORDER BY 1").result_rows
        return [row[0] for row in rows]

    def committed(self, topic: str, group: str, partitions: int = 6) -> int:
        """The sum of the group's offsets over the topic's partitions."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": group})
        found = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=20)
        consumer.close()
        return sum(max(0, entry.offset) for entry in found)

    def batches(self) -> list[BatchStored]:
        return [observation for observation in self.seen if isinstance(observation, BatchStored)]

    def close(self) -> None:
        for worker in self.workers:
            worker.stop(Deadline.after(0))


class Line:
    """A TCP line to a server that can be cut and mended. `url` leads through it."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections and every new one."""
        self._is_cut = True
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        self._open.add(source)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()
