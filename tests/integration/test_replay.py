"""`birdhouse replay` on real servers: what is missing or mended is stored once, also when it is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.apply import apply
from deploy.plan import read_plan
from ingest_worker.ownership import Claim, take_ownership
from schemas.landing import replay_key
from schemas.project import load_project
from tests.servers import ClickHouseServer

pytestmark = pytest.mark.needs("kafka", "clickhouse")

DATA_SOURCE = """SCHEMA >
    `id` Int64 `json:$.id`,
    `part` Int32 `json:$.part`,
    `note` {note} `json:$.note`

ENGINE "{engine}"
ENGINE_PARTITION_KEY "part"
ENGINE_SORTING_KEY "id"
{more}
"""
PARTITIONS = 2
Document = Mapping[str, Any]


class Scene:
    """A topic of two partitions whose messages the worker has committed, and what a test says is stored of them."""

    def __init__(self, kafka: str, server: ClickHouseServer, client: Client, name: str, folder: Path) -> None:
        self.kafka, self.server, self.client, self.name, self.folder = kafka, server, client, name, folder
        (folder / "datasources").mkdir()

    def deploy(self, note: str = "String", engine: str = "MergeTree", more: str = "") -> None:
        text = DATA_SOURCE.format(note=note, engine=engine, more=more)
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
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "birdhouse"})
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
        main = "from deploy.cli import main; main()"
        command = [sys.executable, "-c", main, "replay", "--data-source", self.name, "--format", "json", *arguments]
        return subprocess.Popen(
            command,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def replay(self, *arguments: str, **more: str) -> tuple[int, Document, str]:
        """Exit code, what was on stdout, and on stderr."""
        process = self.start(*arguments, **more)
        output, errors = process.communicate(timeout=100)
        return process.returncode, json.loads(output) if output else {}, errors

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


@pytest.fixture
def scene(kafka: str, clickhouse: ClickHouseServer, clickhouse_client: Client, database: str, tmp_path: Path) -> Scene:
    return Scene(kafka, clickhouse, clickhouse_client, database, tmp_path)


def each(first: int, last: int) -> list[int]:
    """The ids of the messages at these offsets of all partitions."""
    return list(range(first * PARTITIONS, (last + 1) * PARTITIONS))


RANGE = ("--partition", "0", "--partition", "1", "--from-offset")


def test_what_is_missing_is_stored_once_and_what_is_there_is_left_alone(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(1_000, bad_every=10)
    code, document, errors = scene.replay(*RANGE, "100", "--to-offset", "599")
    assert code == 0, errors
    assert [(part["stored"], part["quarantined"]) for part in document["partitions"]] == [(500, 50)] * 2
    code, document, _ = scene.replay("--since", "2020-01-01")
    assert (code, [part["present"] for part in document["partitions"]]) == (0, [500, 500])
    good = [number for number in each(0, 999) if number // PARTITIONS % 10]
    assert (scene.ids, scene.counted) == (good, len(good))
    assert len(scene.quarantined) == 200
    code, document, _ = scene.replay("--since", "2020-01-01")
    assert (code, [part["stored"] for part in document["partitions"]]) == (0, [0, 0])


def test_a_dry_run_changes_nothing(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay(*RANGE, "0", "--to-offset", "39")[0] == 0
    code, document, _ = scene.replay(*RANGE, "0", "--to-offset", "99", "--check")
    assert code == 0
    assert [(part["present"], part["missing"]) for part in document["partitions"]] == [(40, 60)] * 2
    assert scene.ids == each(0, 39)


def test_what_the_worker_has_not_committed_is_the_workers(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100, commit=False)
    scene.commit(60)
    code, document, _ = scene.replay(*RANGE, "50", "--to-offset", "99")
    assert code == 2
    assert [part["beyond"] for part in document["partitions"]] == [[60, 99]] * 2
    assert scene.ids == each(50, 59)


def test_what_the_broker_no_longer_holds_is_told(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay(*RANGE, "0", "--to-offset", "9")[0] == 0
    admin = AdminClient({"bootstrap.servers": scene.kafka})
    for number in range(PARTITIONS):
        place = TopicPartition(scene.name, number, 30)
        admin.delete_records([place])[place].result(30)
    code, document, _ = scene.replay(*RANGE, "0", "--to-offset", "99", "--replace", "--yes")
    assert (code, [part["lost"] for part in document["partitions"]]) == (2, [20, 20])
    assert scene.ids == [*each(0, 9), *each(30, 99)]


def test_replace_stores_all_anew_by_todays_mapping(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(500, bad_every=5)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    scene.deploy(note="Nullable(String)")
    code, document, errors = scene.replay(*RANGE, "100", "--to-offset", "199", "--replace", "--yes")
    assert code == 0, errors
    assert [(part["deleted"], part["stored"], part["quarantined"]) for part in document["partitions"]] == [
        (100, 100, 0)
    ] * 2
    assert "rolled" in errors
    assert scene.ids == sorted([*each(100, 199), *(n for n in each(0, 499) if n // PARTITIONS % 5 and n // 200 != 1)])
    assert len(scene.quarantined) == 2 * 80
    # As the warning says: the view counts what is stored anew once more.
    assert scene.counted == 2 * 400 + 2 * 100


def test_replace_asks_and_without_an_answer_does_nothing(scene: Scene) -> None:
    scene.deploy()
    scene.topic(50)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    code, document, errors = scene.replay("--since", "2020-01-01", "--replace")
    assert (code, document) == (1, {})
    assert "deleted" in errors
    assert scene.ids == each(0, 49)


def test_what_a_changed_schema_takes_leaves_quarantine(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(300, bad_every=3)
    broken = Producer({"bootstrap.servers": scene.kafka})
    broken.produce(scene.name, b"no json", partition=0)
    broken.produce(scene.name, b'{"id": 7001, "part": "x\xff"}', partition=1)
    assert broken.flush(30) == 0
    scene.commit(301)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert scene.replay("--quarantine")[1]["partitions"][0]["stored"] == 0
    scene.deploy(note="Nullable(String)")
    code, document, _ = scene.replay("--quarantine", "--check", KAFKA_BOOTSTRAP_SERVERS="")
    assert [(part["missing"], part["still_wrong"]) for part in document["partitions"]] == [(100, 1)] * 2
    code, document, errors = scene.replay("--quarantine", KAFKA_BOOTSTRAP_SERVERS="")
    assert code == 0, errors
    assert [(part["stored"], part["still_wrong"]) for part in document["partitions"]] == [(100, 1)] * 2
    assert (scene.ids, scene.counted) == (each(0, 299), 600)
    left = scene.rows(f"SELECT __value, c__error FROM `{scene.name}`.`{scene.name}_quarantine` ORDER BY __partition")
    assert "not valid JSON" in left[0][1][0]
    assert len(left) == 2
    assert scene.rows("SELECT min(__offset), max(__offset), uniqExact(__offset) FROM @ WHERE note IS NULL") == [
        (0, 297, 100)
    ]
    assert scene.rows("SELECT DISTINCT toDate(__timestamp) = today() FROM @") == [(1,)]


def test_a_table_that_forgets_offsets_is_refused_but_its_quarantine_moves(scene: Scene) -> None:
    scene.deploy(engine="ReplacingMergeTree")
    scene.topic(10)
    code, _, errors = scene.replay("--since", "2020-01-01")
    assert code == 1
    assert "ReplacingMergeTree, which merges rows" in errors
    bad = f"`{scene.name}`.`{scene.name}_quarantine`"
    scene.client.command(
        f"INSERT INTO {bad} (__in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp, __in_value)"
        f" SELECT '{scene.name}', 'former', 0, number, now64(3), if(number % 4, concat('{{\"id\": ', toString(number),"
        ' \', "part": 1, "note": "n"}\'), \'{\') FROM numbers(1000)'
    )
    code, document, errors = scene.replay("--quarantine", BIRDHOUSE_INGEST_BATCH_ROWS="100")
    assert code == 0, errors
    assert [(part["stored"], part["still_wrong"]) for part in document["partitions"]] == [(750, 250)]
    assert scene.ids == [number for number in range(1000) if number % 4]
    assert scene.rows(f"SELECT count() FROM {bad}") == [(250,)]


def test_a_schema_that_is_not_deployed_is_refused(scene: Scene) -> None:
    scene.deploy()
    scene.topic(10)
    path = scene.folder / "datasources" / f"{scene.name}.datasource"
    path.write_text(path.read_text().replace("json:$.note", "json:$.remark"))
    code, _, errors = scene.replay("--quarantine")
    assert code == 1
    assert "`birdhouse deploy` first" in errors


def test_a_replay_that_was_taken_over_stops_and_goes_on_when_it_is_run_again(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(20_000)
    process = scene.start("--since", "2020-01-01", BIRDHOUSE_INGEST_BATCH_ROWS="500")
    until(lambda: len(scene.ids) > 1_000)
    ids = scene.rows("SELECT DISTINCT __topic_id FROM @")
    keys = tuple(replay_key(scene.name, ids[0][0], number) for number in range(PARTITIONS))
    take_ownership(scene.client, scene.name, Claim(keys))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "took" in errors
    assert "run it again" in errors
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert (scene.ids, scene.counted) == (each(0, 19_999), 40_000)


Arguments = tuple[str, ...]


@pytest.mark.parametrize("arguments", [("--since", "2020-01-01"), ("--since", "2020-01-01", "--replace", "--yes")])
def test_killed_at_random_moments_it_goes_on_and_the_result_is_the_same(scene: Scene, arguments: Arguments) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(25_000, bad_every=7)
    chance = random.Random(7)
    kills = _kill_and_run_again(scene, chance, *arguments)
    assert kills >= 3
    good = [number for number in each(0, 24_999) if number // PARTITIONS % 7]
    assert (scene.ids, scene.counted) == (good, len(good))
    assert len(scene.quarantined) == 50_000 - len(good)


def test_a_move_out_of_quarantine_that_is_killed_goes_on(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(10_000, bad_every=1)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert len(scene.quarantined) == 20_000
    scene.deploy(note="Nullable(String)")
    kills = _kill_and_run_again(scene, random.Random(3), "--quarantine")
    assert kills >= 3
    assert (scene.ids, scene.counted, scene.quarantined) == (each(0, 9_999), 20_000, [])


def _kill_and_run_again(scene: Scene, chance: random.Random, *arguments: str, most: int = 12) -> int:
    """Kill the command at random moments of its work, at most so often, then let it end. How often it was killed."""
    kills = 0
    while kills < most:
        before = len(scene.rows("SELECT 1 FROM @"))
        process = scene.start(*arguments, BIRDHOUSE_INGEST_BATCH_ROWS="1000")
        until(lambda process=process, before=before: process.poll() is not None or _moved(scene, before))  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.4))
        if process.poll() is not None:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
            return kills
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
    code, _, errors = scene.replay(*arguments)
    assert code == 0, errors
    return kills


def _moved(scene: Scene, before: int) -> bool:
    return len(scene.rows("SELECT 1 FROM @")) != before


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
