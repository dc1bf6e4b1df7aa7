"""One round: servers that may be killed, workers as processes, a load of known ids, and the count at the end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

import clickhouse_connect
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.systems.server_command import StartedServer, free_port
from schemas.project import load_project
from schemas.tables.ddl import mapping
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from tests.faults.counting import Counted, count, ids_of, rollup_of
from tests.faults.door import Door
from tests.faults.judge import RESULTS, Result
from tests.faults.load import EVENTS_PER_SECOND, SCHEMA, Load, good
from tests.faults.workers import WorkerPool

SESSION_SECONDS = 3
INSERT_SECONDS = 10
# So short that an insert is nearly always under way.
BATCH_SECONDS = 0.05
# Protections that are no worker's: they are left out here, or in the scenario.
OF_HOUSE = ("quarantine", "grace", "renewal", "settled close", "settled cut", "column guard", "view guard")
# What must come true does so within seconds; this only ends a round that is stuck, also on a machine that others use.
PATIENCE_SECONDS = float(os.environ.get("FAULT_PATIENCE_SECONDS") or 120)


class StuckError(AssertionError):
    """Something that had to come true did not."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a round's project, topic, load and workers are like."""

    data_sources: int = 1
    partitions: int = 6
    silent_partitions: int = 0  # the last ones, which get no events
    columns: Sequence[str] = ()  # of the data sources, beside `id` and `part`, as in their files
    first_partitions: int | None = None  # as many at first: the others are added later
    reset: str = "earliest"
    events_per_second: int = EVENTS_PER_SECOND
    protocol: str = "classic"
    has_small_disk: bool = False  # ClickHouse is one on a file system of its own, where one can be mounted
    topic: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    message: Callable[[int], bytes | None] = good


class FaultHouse:
    """Data sources of this round's own on both servers, under load from `start` until `judge`. `without` names the
    protections that it does without: those of `altered_worker.py` and `altered_api.py`, `quarantine` and `grace`."""

    def __init__(
        self,
        servers: tuple[StartedServer, StartedServer],
        pool: WorkerPool,
        folder: Path,
        fault: str,
        setup: Setup,
        seed: int,
        code: str,
        without: Sequence[str] = (),
    ) -> None:
        self.broker, self.engine = servers
        self.folder, self.fault, self.setup, self.seed, self.without = folder, fault, setup, seed, without
        self.name = f"round_{seed}_{time.monotonic_ns()}"
        self.names = [self.name if not number else f"{self.name}_{number}" for number in range(setup.data_sources)]
        self.kafka = f"127.0.0.1:{self.broker.port}"
        self.url = f"http://127.0.0.1:{self.engine.port}"
        self.door = Door(self.url)
        self.chance = random.Random(seed)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.admin_port = 0  # of the newest worker
        self.logs: list[Path] = []
        self.load = Load(
            self.kafka,
            self.names,
            setup.partitions - setup.silent_partitions,
            random.Random(seed),
            setup.events_per_second,
            setup.message,
        )
        self.forgotten = 0  # offsets that the group's offsets do not count: of a topic that is no more
        self.gone = 0  # events that the broker lost before anybody stored them
        self.rollups = ["rollup"]  # tables whose `events` add up to what is stored
        self.posted = 0  # events that came over HTTP beside the load
        self.verdict = "well"  # what `birdhouse verify` has to say
        self._pool, self._code = pool, code
        self._is_over_since: tuple[float, int] | None = None
        self._is_judged = False
        self._patches = contextlib.ExitStack()
        self._demands: list[tuple[Callable[[], object], str]] = []

    def __enter__(self) -> FaultHouse:
        (self.folder / "datasources").mkdir(parents=True)
        (self.folder / "brokers.connection").write_text(f"TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {self.kafka}\n")
        for name in self.names:
            path = self.folder / "datasources" / f"{name}.datasource"
            path.write_text(self.data_source(name))
        for file, text in self.setup.files.items():
            (self.folder / file).parent.mkdir(exist_ok=True)
            (self.folder / file).write_text(text.replace("{name}", self.name))
        self.admin = AdminClient({"bootstrap.servers": self.kafka, "log_level": 0})
        self.reader = Consumer({"bootstrap.servers": self.kafka, "group.id": self.name, "log_level": 0})
        self.make_topics()
        self.client = clickhouse_connect.get_client(dsn=self.url, autogenerate_session_id=False)
        if "column guard" in self.without:
            self._patches.enter_context(mock.patch.object(mapping, "_guarded", lambda select, *_: select))
        if "view guard" in self.without:
            self._patches.enter_context(mock.patch.object(mapping, "_are_there", return_value="1"))
        apply(self.client, read_plan(self.client, load_project(self.folder, environment={}), self.name))
        for name in self.names[:1]:
            self.sql("CREATE TABLE {db}.rollup (part Int32, events UInt64) ENGINE = SummingMergeTree ORDER BY part"
                     " SETTINGS non_replicated_deduplication_window = 10000")  # fmt: skip
            self.sql(f"CREATE MATERIALIZED VIEW {{db}}.rolling TO {{db}}.rollup AS {rollup_of(name)}")
        if "quarantine" in self.without:
            for name in self.names:
                self.sql(f"DROP VIEW {{db}}.`{name}_reject`")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.load.abandon()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        with contextlib.suppress(Exception):
            self.reader.close()
        self.door.close()
        self._patches.close()
        if isinstance(error, Exception) and not self._is_judged:
            said = f"{type(error).__name__}: {error}"[:200]
            RESULTS.append(self._result(Counted(self.load.sent), failed=said))
        if error is not None and not self.without:
            for log in self.logs:
                lines = [line for line in log.read_text(errors="replace").splitlines() if '"inserted"' not in line]
                print(f"--- {log.name}", *lines[-40:], sep="\n")
        with contextlib.suppress(Exception):
            self.sql("DROP DATABASE {db}")
            self.client.close()

    def data_source(self, name: str, *columns: str) -> str:
        """The text of a data source's file, with these columns beside those of the set-up."""
        added = "".join(f",\n    {column}" for column in (*self.setup.columns, *columns))
        return SCHEMA.format(columns=added, name=name, group=self.name, reset=self.setup.reset)

    # Servers.

    def sql(self, statement: str) -> list[Sequence[Any]]:
        """Run a statement, in which `{db}` is this round's database."""
        text = statement.replace("{db}", f"`{self.name}`")
        if statement.startswith("SELECT"):
            return list(self.client.query(text).result_rows)
        self.client.command(text)
        return []

    def make_topics(self) -> None:
        count = self.setup.first_partitions or self.setup.partitions
        wanted = [NewTopic(name, num_partitions=count, config=dict(self.setup.topic)) for name in self.names]
        for made in self.admin.create_topics(wanted).values():
            made.result(60)

    # Workers.

    def environment(self, url: str | None = None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BIRDHOUSE_")}
        return {
            **inherited,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": url or self.url,
            "CLICKHOUSE_DATABASE": self.name,
            "PROJECT_DIR": str(self.folder),
        }

    def worker(
        self, *, through_door: bool = False, die_at: str = "", count: int = 1, extra: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a worker. It reaches ClickHouse through the door if asked to, and dies at the step `die_at` when it
        gets there for the `count`th time."""
        group = {"KAFKA_SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1000), "KAFKA_HEARTBEAT_INTERVAL_MS": "500"}
        if self.setup.protocol == "consumer":
            group = {"KAFKA_GROUP_PROTOCOL": "consumer"}
        self.admin_port = free_port()
        environment = self.environment(self.door.url if through_door else None) | {
            **group,
            "BIRDHOUSE_INGEST_INSERT_SECONDS": str(INSERT_SECONDS),
            "BIRDHOUSE_INGEST_BATCH_SECONDS": str(BATCH_SECONDS),
            "BIRDHOUSE_INGEST_ADMIN_PORT": str(self.admin_port),
            **self.setup.settings,
        }
        own = [name for name in self.without if name not in OF_HOUSE]
        without = [*own, *extra, *(["retry"] if "quarantine" in self.without else [])]
        seed = self.chance.randrange(1_000_000)
        process, log = self._pool.start(environment, die_at=die_at, count=count, seed=seed, without=without)
        self.workers.append(process)
        self.logs.append(log)
        return process

    def kill(self, worker: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
        """End a worker by a signal and wait for its end."""
        worker.send_signal(number)
        self.await_end(worker)

    def await_end(self, worker: subprocess.Popen[bytes]) -> None:
        self.until(lambda: worker.poll() is not None, "the worker ends")
        self.workers.remove(worker)

    def said(self, text: str) -> int:
        """How many lines of the workers' logs hold a text."""
        return sum(log.read_text(errors="replace").count(text) for log in self.logs)

    # The round.

    def start(self, *, workers: int = 1, through_door: bool = False) -> list[subprocess.Popen[bytes]]:
        """Workers and load; returns once events are stored."""
        self.load.start()
        started = [self.worker(through_door=through_door) for _ in range(workers)]
        self.until(self.has_rows, "the first events are stored")
        return started

    def has_rows(self) -> bool:
        return int(self.sql(f"SELECT count() FROM ({ids_of(self.names)})")[0][0]) > 0

    def until(self, condition: Callable[[], object], what: str, seconds: float | None = None) -> None:
        """Wait for something; StuckError when it does not come true. Servers that do not answer are waited for."""
        give_up = time.monotonic() + (seconds or PATIENCE_SECONDS)
        while True:
            with contextlib.suppress(KafkaException, clickhouse_connect.driver.exceptions.ClickHouseError, OSError):
                if condition():
                    return
            if time.monotonic() > give_up:
                raise StuckError(f"not in time: {what}")
            time.sleep(0.05)

    def pause(self, low: float, high: float) -> None:
        """Let some time go by, as chance wants."""
        time.sleep(self.chance.uniform(low, high))

    def cause_is_over(self) -> None:
        """Recovery is counted from now on: until everything that was produced up to now is committed."""
        self._is_over_since = (time.monotonic(), self.load.sent)

    def committed(self) -> int:
        """The sum of the group's offsets."""
        places = [TopicPartition(name, number) for name in self.names for number in range(self.setup.partitions)]
        return sum(max(0, place.offset) for place in self.reader.committed(places, timeout=10)) + self.forgotten

    def demand(self, condition: Callable[[], object], what: str) -> None:
        """Something else that must hold when this round is judged."""
        self._demands.append((condition, what))

    def judge(self, *, refills_rollup: bool = False) -> Result:
        """Wait until what was produced so far is committed, end the load, wait until all is, and count; let `birdhouse
        verify` look too. `refills_rollup` as an operator does whose view's table was damaged on the disk."""
        if self._is_over_since is None:
            self.cause_is_over()
        assert self._is_over_since is not None
        since, sent = self._is_over_since
        self.until(lambda: self.committed() >= sent, "everything produced until the cause's end is committed")
        seconds = time.monotonic() - since
        produced = self.load.stop() + self.posted
        self.until(lambda: self.committed() >= produced, "everything is committed")
        if refills_rollup:
            self.sql("TRUNCATE TABLE {db}.rollup")
            self.sql(f"INSERT INTO {{db}}.rollup {rollup_of(self.name)}")
        counted = count(self, produced)
        result = self._result(counted, seconds=round(seconds, 2), failed=self._failed())
        RESULTS.append(result)
        self._is_judged = True
        assert result.is_well, result
        return result

    def _failed(self) -> str:
        return "; ".join(what for condition, what in self._demands if not condition())

    def _result(self, counted: Counted, *, seconds: float = 0.0, failed: str = "") -> Result:
        numbers = (counted.produced, counted.lost, counted.doubled, counted.rolled, counted.verdict, seconds)
        return Result(self.fault, self.seed, self._code, *numbers, failed, tuple(self.without))
