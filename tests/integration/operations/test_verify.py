"""`birdhouse verify` on real servers: gaps and doubles that were made by hand are found, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.cli import main
from schemas.project import load_project
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.kafka.topics import id_text
from tests.servers import ClickHouseServer

pytestmark = pytest.mark.needs("kafka", "clickhouse")

DATA_SOURCE = 'SCHEMA >\n    `id` String `json:$.id`\n\nENGINE "{engine}"\nENGINE_SORTING_KEY "id"\n{more}\n'
FEED = "KAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC {0}\nKAFKA_GROUP_ID {0}\n"  # a group that no other test has
MESSAGES = 40


class Scene:
    """A topic of one partition with `MESSAGES` messages, all committed, and a table that holds what a test says."""

    def __init__(self, kafka: str, server: ClickHouseServer, client: Client, name: str, folder: Path) -> None:
        self.kafka, self.server, self.client, self.name, self.folder = kafka, server, client, name, folder
        (folder / "datasources").mkdir()

    def deploy(self, engine: str = "MergeTree", more: str = "") -> None:
        text = DATA_SOURCE.format(engine=engine, more=more) + FEED.format(self.name)
        (self.folder / "datasources" / f"{self.name}.datasource").write_text(text)
        apply(self.client, read_plan(self.client, load_project(self.folder, environment={}), self.name))
        admin = AdminClient({"bootstrap.servers": self.kafka})
        admin.create_topics([NewTopic(self.name, num_partitions=1)])[self.name].result(30)
        producer = Producer({"bootstrap.servers": self.kafka})
        for number in range(MESSAGES):
            producer.produce(self.name, json.dumps({"id": str(number)}).encode(), partition=0)
        assert producer.flush(30) == 0
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.name})
        consumer.commit(offsets=[TopicPartition(self.name, 0, MESSAGES)], asynchronous=False)
        consumer.close()

    @property
    def topic_id(self) -> str:
        admin = AdminClient({"bootstrap.servers": self.kafka})
        described = admin.describe_topics(TopicCollection([self.name]))[self.name].result(30)
        return id_text(described.topic_id)

    def store(self, offsets: range | list[int], table: str = "", topic_id: str | None = None) -> None:
        provenance = f"'{self.name}', '{topic_id or self.topic_id}', 0, offset, now64(3)"
        value = ", ''" if table else ""
        columns = "__in_topic, __in_topic_id, __in_partition, __in_offset, __in_timestamp" + (
            ", __in_value" if table else ""
        )
        self.client.command(
            f"INSERT INTO `{self.name}`.`{self.name}{table}` ({columns}) SELECT {provenance}{value}"
            " FROM (SELECT arrayJoin({offsets:Array(Int64)}) AS offset) SETTINGS deduplicate_insert = 'disable'",
            parameters={"offsets": list(offsets)},
        )

    def verify(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, Any]:
        for name, value in {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": self.server.url,
            "CLICKHOUSE_USER": self.server.user,
            "CLICKHOUSE_PASSWORD": self.server.password,
            "CLICKHOUSE_DATABASE": self.name,
            "PROJECT_DIR": str(self.folder),
        }.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, ["verify", "--format", "json", *arguments])
        assert result.stdout, result.stderr
        document = json.loads(result.stdout)
        self.views = document["views"]
        return result.exit_code, document["partitions"][0]


@pytest.fixture
def scene(kafka: str, clickhouse: ClickHouseServer, clickhouse_client: Client, database: str, tmp_path: Path) -> Scene:
    return Scene(kafka, clickhouse, clickhouse_client, database, tmp_path)


def test_each_offset_once_in_table_or_quarantine_is_well(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    scene.store(range(30))
    scene.store(range(30, MESSAGES), "_quarantine")
    code, found = scene.verify(monkeypatch)
    assert (code, found["verdict"], found["rows"], found["distinct"]) == (0, "well", MESSAGES, MESSAGES)


def test_a_rollup_that_misses_rows_is_wrong_though_each_offset_is_stored(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.deploy()
    into = f"`{scene.name}`.per_day (n UInt64)"
    scene.client.command(f"CREATE TABLE {into} ENGINE = SummingMergeTree ORDER BY tuple()")
    view = f"CREATE MATERIALIZED VIEW `{scene.name}`.daily TO `{scene.name}`.per_day AS"
    scene.client.command(f"{view} SELECT count() AS n FROM `{scene.name}`.`{scene.name}`")
    scene.store(range(30))
    scene.store(range(30, MESSAGES))
    code, found = scene.verify(monkeypatch)
    assert (code, found["verdict"], scene.views[0]["counted"]) == (0, "well", {"n": MESSAGES})
    scene.client.command(f"TRUNCATE TABLE `{scene.name}`.per_day")
    code, found = scene.verify(monkeypatch)
    assert (code, found["verdict"], scene.views[0]["verdict"]) == (1, "well", "wrong")
    assert (scene.views[0]["expected"], scene.views[0]["counted"]) == ({"n": MESSAGES}, {"n": 0})
    assert scene.verify(monkeypatch, "--since", "2020-01-01T00:00:00")[0] == 0
    assert scene.views == []


def test_gaps_and_doubles_are_given_as_ranges(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    scene.store([*range(5), *range(9, MESSAGES - 1)])
    scene.store([12, 13, 14, 30], "_quarantine")
    code, found = scene.verify(monkeypatch)
    assert code == 1
    assert found["gaps"]["ranges"] == [[5, 8], [39, 39]]
    assert found["doubles"]["ranges"] == [[12, 14], [30, 30]]


def test_a_table_that_merges_rows_away_is_unknown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy("ReplacingMergeTree")
    code, found = scene.verify(monkeypatch)
    assert code == 2
    assert "ReplacingMergeTree" in found["unknown_because"][0]


def test_what_the_broker_removed_is_unknown_and_what_it_holds_is_a_gap(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.deploy()
    scene.store(range(20, MESSAGES))
    admin = AdminClient({"bootstrap.servers": scene.kafka})
    place = TopicPartition(scene.name, 0, 20)
    admin.delete_records([place])[place].result(30)
    code, found = scene.verify(monkeypatch)
    assert (code, found["unknown"]["ranges"], found["gaps"]["ranges"]) == (2, [[0, 19]], [])


def test_control_records_of_a_transaction_are_no_gaps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    producer = Producer({"bootstrap.servers": scene.kafka, "transactional.id": scene.name})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(scene.name, b'{"id": "last"}', partition=0)
    producer.commit_transaction(30)
    scene.store(range(MESSAGES + 1))
    consumer = Consumer({"bootstrap.servers": scene.kafka, "group.id": scene.name})
    consumer.commit(offsets=[TopicPartition(scene.name, 0, MESSAGES + 2)], asynchronous=False)
    consumer.close()
    code, found = scene.verify(monkeypatch)
    assert (code, found["empty_offsets"]) == (0, 1)


def test_since_leaves_out_what_is_older(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    code, found = scene.verify(monkeypatch, "--since", "2200-01-01")
    assert (code, found["start"]) == (0, MESSAGES)


def test_rows_of_an_earlier_topic_stand_for_nothing_of_todays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    scene.store(range(MESSAGES - 10))
    scene.store(range(MESSAGES), topic_id="former")
    scene.store(range(5), "_quarantine", topic_id="former")
    code, found = scene.verify(monkeypatch)
    assert (code, found["gaps"]["ranges"], found["doubles"]["ranges"]) == (1, [[30, 39]], [])
    assert found["rows_of_an_earlier_topic"] == MESSAGES + 5


def test_the_command_that_it_gives_mends_the_gaps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.deploy()
    scene.store([*range(5), *range(9, MESSAGES - 1)])
    _, found = scene.verify(monkeypatch)
    program, *arguments = found["mended_by"].split()
    assert program == "birdhouse"
    result = CliRunner().invoke(main, [*arguments, "--format", "json"])
    assert (result.exit_code, json.loads(result.stdout)["partitions"][0]["stored"]) == (0, 5), result.stderr
    assert scene.verify(monkeypatch)[0] == 0
