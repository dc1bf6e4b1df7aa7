"""What tests of `birdhouse replay` stand on: a topic whose messages a worker has committed, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.project import load_project
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from tests.in_process import birdhouse
from tests.servers import ClickHouseServer

DATA_SOURCE = """SCHEMA >
    `id` Int64 `json:$.id`,
    `part` Int32 `json:$.part`,
    `note` {note} `json:$.note`

ENGINE "{engine}"
ENGINE_PARTITION_KEY "part"
ENGINE_SORTING_KEY "id"
{more}
KAFKA_CONNECTION_NAME brokers
KAFKA_TOPIC {name}
KAFKA_GROUP_ID {name}
KAFKA_AUTO_OFFSET_RESET earliest
"""
PARTITIONS = 2
Document = Mapping[str, Any]


class Scene:
    """A topic of two partitions whose messages the worker has committed, and what a test says is stored of them."""

    def __init__(self, kafka: str, server: ClickHouseServer, client: Client, name: str, folder: Path) -> None:
        self.kafka, self.server, self.client, self.name, self.folder = kafka, server, client, name, folder
        (folder / "datasources").mkdir()

    def deploy(self, note: str = "String", engine: str = "MergeTree", more: str = "") -> None:
        text = DATA_SOURCE.format(name=self.name, note=note, engine=engine, more=more)
        (self.folder / "datasources" / f"{self.name}.datasource").write_text(text)
        apply(self.client, read_plan(self.client, load_project(self.folder, environment={}), self.name))

    def topic(self, messages: int, bad_every: int = 0, commit: bool = True) -> None:
        """`messages` in each partition, of which every `bad_every`th has no note."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(self.name, num_partitions=PARTITIONS)])[self.name].result(30)
        producer = Producer({"bootstrap.servers": self.kafka, "linger.ms": 20})
        for number in range(messages * PARTITIONS):
            event: dict[str, object] = {"id": number, "part": number % 5, "note": "x"}
            if bad_every and number // PARTITIONS % bad_every == 0:
                del event["note"]
            producer.produce(self.name, json.dumps(event).encode(), partition=number % PARTITIONS)
            producer.poll(0)
        assert producer.flush(60) == 0
        if commit:
            self.commit(messages)

    def commit(self, offset: int) -> None:
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.name})
        places = [TopicPartition(self.name, number, offset) for number in range(PARTITIONS)]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def rollup(self) -> None:
        """A view behind the table that counts events; it knows the tokens of batches that are sent again."""
        self.client.command(
            f"CREATE TABLE `{self.name}`.rollup (part Int32, events UInt64) ENGINE = SummingMergeTree ORDER BY part"
            " SETTINGS non_replicated_deduplication_window = 10000"
        )
        self.client.command(
            f"CREATE MATERIALIZED VIEW `{self.name}`.rolled TO `{self.name}`.rollup AS"
            f" SELECT part, count() AS events FROM `{self.name}`.`{self.name}` GROUP BY part"
        )

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("BIRDHOUSE_")},
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": self.server.url,
            "CLICKHOUSE_USER": self.server.user,
            "CLICKHOUSE_PASSWORD": self.server.password,
            "CLICKHOUSE_DATABASE": self.name,
            "PROJECT_DIR": str(self.folder),
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The command as a process, which may be killed."""
        return subprocess.Popen(
            [sys.executable, "-c", "from deploy.cli import main; main()", *self._command(*arguments)],
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def replay(self, *arguments: str, **more: str) -> tuple[int, Document, str]:
        """Exit code, what was on stdout, and on stderr."""
        said = birdhouse(self.environment(**more), *self._command(*arguments))
        return said.returncode, json.loads(said.stdout) if said.stdout else {}, said.stderr

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return ("replay", "--data-source", self.name, "--format", "json", *arguments)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(sql.replace("@", f"`{self.name}`.`{self.name}`")).result_rows]

    @property
    def ids(self) -> list[int]:
        """The ids in the table, each as often as it is stored."""
        return [row[0] for row in self.rows("SELECT id FROM @ ORDER BY id")]

    @property
    def quarantined(self) -> list[int]:
        bad = f"`{self.name}`.`{self.name}_quarantine`"
        return [row[0] for row in self.rows(f"SELECT toInt64(id) AS n FROM {bad} ORDER BY n")]

    @property
    def counted(self) -> int:
        return int(self.rows(f"SELECT sum(events) FROM `{self.name}`.rollup")[0][0])


def each(first: int, last: int) -> list[int]:
    """The ids of the messages at these offsets of all partitions."""
    return list(range(first * PARTITIONS, (last + 1) * PARTITIONS))


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
