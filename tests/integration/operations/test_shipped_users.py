"""Every command of docs/operations.md, and both services, with the ClickHouse users that compose and the docs ship."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from click.testing import CliRunner, Result
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from confluent_kafka import Producer

from bench.systems.server_command import CLICKHOUSE_PORTS, clickhouse_answers, started_server
from deploy.cli import main
from deploy.compose_secrets import generate
from query_api.engine.schema_check import schema_check
from query_api.settings import QueryApiSettings
from schemas.project import load_project
from schemas.tables.views.project import views_in
from schemas.tables.views.view import ViewChanges
from service.settings import load_settings
from tests.ingest_worker.house import until
from tests.integration.deployment.cut.scene import VIEWS, Scene
from tests.integration.deployment.services import Services

SHIPPED = Path(__file__).parents[3] / "deploy/clickhouse/users.d/birdhouse.xml"
CONFIG = """<clickhouse>
  <users_config>{users}</users_config>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
</clickhouse>
"""
DEFAULT = """<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users><default><password/><profile>default</profile><quota>default</quota>
    <networks><ip>127.0.0.1</ip></networks></default></users>
</clickhouse>
"""
EVENTS = """SCHEMA >
    `id` Int64 `json:$.id`,
    `user` String `json:$.user`

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a server of our own with the shipped users, and their passwords."""
    command = os.environ.get("TEST_CLICKHOUSE_COMMAND")
    if not command:
        pytest.skip("no server that takes users of ours: set TEST_CLICKHOUSE_COMMAND")
    folder = tmp_path_factory.mktemp("users")
    generate(folder / "secrets", os.getuid())
    (folder / "users.d").mkdir()
    text = SHIPPED.read_text()
    included = "/etc/clickhouse-server/birdhouse/passwords.xml"
    assert included in text
    (folder / "users.d" / SHIPPED.name).write_text(
        text.replace(included, str(folder / "secrets/clickhouse/passwords.xml"))
    )
    (folder / "users.xml").write_text(DEFAULT)
    (folder / "config.xml").write_text(CONFIG.format(users=folder / "users.xml"))
    passwords = {}
    for user in ("ingest", "api", "ops"):
        found = re.search("[0-9a-f]{64}", (folder / "secrets" / user / "environment").read_text())
        assert found is not None
        passwords[user] = found[0]
    with started_server(
        f"{command} --config {folder / 'config.xml'}", CLICKHOUSE_PORTS, folder, clickhouse_answers
    ) as up:
        yield f"http://127.0.0.1:{up.port}", passwords


class Shipped:
    """The example of a project under the one database that the users know, and commands as one of them runs them."""

    def __init__(self, kafka: str, url: str, passwords: dict[str, str], folder: Path, topic: str) -> None:
        self.kafka, self.url, self.passwords, self.folder, self.topic = kafka, url, passwords, folder, topic
        self.admin = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
        (folder / "project").mkdir()
        (folder / "project" / "brokers.connection").write_text(f"TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS {kafka}\n")
        self.write(EVENTS)

    def write(self, text: str) -> None:
        lines = f"KAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC {self.topic}\nKAFKA_GROUP_ID {self.topic}\n"
        (self.folder / "project" / "events.datasource").write_text(f"{text}\n{lines}KAFKA_AUTO_OFFSET_RESET earliest\n")

    def environment(self, user: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "CLICKHOUSE_URL": self.url,
            "CLICKHOUSE_USER": f"birdhouse_{user}",
            "CLICKHOUSE_PASSWORD": self.passwords[user],
            "CLICKHOUSE_DATABASE": "birdhouse",
            "PROJECT_DIR": str(self.folder / "project"),
            "BIRDHOUSE_SECRET": "a secret of the tests",
        }

    def birdhouse(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        said: Result = CliRunner().invoke(main, arguments, env=self.environment("ops"))
        assert said.exception is None or isinstance(said.exception, SystemExit), repr(said.exception)
        assert said.exit_code in codes, said.output
        return said.output

    def produce(self, messages: list[dict[str, Any]]) -> None:
        producer = Producer({"bootstrap.servers": self.kafka})
        for message in messages:
            producer.produce(self.topic, json.dumps(message).encode(), partition=0)
        assert producer.flush(30) == 0

    def count(self, table: str = "events") -> int:
        return int(self.admin.query(f"SELECT count() FROM birdhouse.{table}").result_rows[0][0])

    def client(self, user: str) -> Client:
        return clickhouse_connect.get_client(
            dsn=self.url,
            username=f"birdhouse_{user}",
            password=self.passwords[user],
            autogenerate_session_id=False,
        )


@pytest.fixture
def shipped(server: tuple[str, dict[str, str]], kafka: str, unique_name: str, tmp_path: Path) -> Iterator[Shipped]:
    made = Shipped(kafka, *server, tmp_path, unique_name)
    yield made
    made.admin.command("DROP DATABASE IF EXISTS birdhouse SYNC")
    made.admin.close()


@pytest.fixture
def running(shipped: Shipped) -> Iterator[Services]:
    """Starts services, with the environment of the user that is theirs."""
    services = Services(shipped.folder, {})
    yield services
    services.end()


def test_every_runbook_works_with_the_users_that_are_shipped(shipped: Shipped, running: Services) -> None:
    # The worker deploys what only adds, takes partitions over and loads.
    running.environment = shipped.environment("ingest") | {"DEPLOY_ON_START": "true"}
    worker = running.worker()
    until(lambda: worker("/readyz")[0] == 200)
    shipped.produce([{"id": number, "user": "u"} for number in range(40)] + [{"id": "wrong", "user": "u"}])
    until(lambda: shipped.count() == 40 and shipped.count("events_quarantine") == 1)
    running.environment = shipped.environment("api")
    api = running.api()
    until(lambda: api("/readyz")[0] == 200)
    # Verifying, and the way back of what is missing.
    until(lambda: "committed 41" in shipped.birdhouse("verify", codes=(0, 1, 2)))
    assert shipped.birdhouse("verify")
    shipped.admin.command("DELETE FROM birdhouse.events WHERE id BETWEEN 10 AND 14", settings={"mutations_sync": 2})
    assert "gap: 10-14" in shipped.birdhouse("verify", codes=(1,))
    of_partition = ("replay", "--data-source", "events", "--partition", "0")
    asked = (*of_partition, "--from-offset", "10", "--to-offset", "14")
    shipped.birdhouse(*asked, "--check")
    shipped.birdhouse(*asked)
    shipped.birdhouse("verify")
    shipped.birdhouse(*of_partition, "--from-offset", "0", "--to-offset", "9", "--replace", "--yes")
    assert shipped.count() == 40
    # The schema was wrong: deployed anew, under the running worker, and what fits now moves.
    shipped.write(EVENTS.replace("`user`", "`more` Nullable(String) `json:$.id`,\n    `user`"))
    shipped.birdhouse("check")
    assert "adds" in shipped.birdhouse("deploy", "--check", codes=(2,))
    shipped.birdhouse("deploy")
    shipped.birdhouse("deploy", "--check")
    shipped.birdhouse("replay", "--data-source", "events", "--quarantine", "--check", codes=(0, 2))
    shipped.birdhouse("replay", "--data-source", "events", "--quarantine", codes=(0, 2))
    shipped.birdhouse("offsets", "--data-source", "events")
    running.end()
    shipped.birdhouse("offsets", "--data-source", "events", "--to", "current", "--yes")


def test_what_fits_a_mended_schema_leaves_the_quarantine(shipped: Shipped, running: Services) -> None:
    shipped.birdhouse("deploy")
    running.environment = shipped.environment("ingest")
    worker = running.worker()
    until(lambda: worker("/readyz")[0] == 200)
    shipped.produce([{"id": 1, "user": "u"}, {"id": 2}])
    until(lambda: (shipped.count(), shipped.count("events_quarantine")) == (1, 1))
    shipped.write(EVENTS.replace("`user` String `json:$.user`", "`user` String `json:$.user` DEFAULT 'nobody'"))
    shipped.birdhouse("deploy")
    shipped.birdhouse("replay", "--data-source", "events", "--quarantine")
    assert (shipped.count(), shipped.count("events_quarantine")) == (2, 0)


def test_the_sql_of_a_project_is_analysed_with_the_users_that_are_shipped(shipped: Shipped) -> None:
    pipe = shipped.folder / "project" / "wrong.pipe"
    pipe.write_text("NODE endpoint\nSQL >\n    SELECT usr FROM events\n\nTYPE endpoint\n")
    for command in ("check", "deploy"):
        said = shipped.birdhouse(command, codes=(1,))
        assert "error: ClickHouse refuses the node `endpoint`: Unknown expression identifier `usr`" in said
        assert "note: " not in said
    beside = "SELECT count() FROM system.databases WHERE startsWith(name, 'birdhouse')"
    assert shipped.admin.query(beside).result_rows == [(0,)]


def test_every_change_of_a_table_may_be_deployed(shipped: Shipped) -> None:
    shipped.birdhouse("deploy")
    shipped.admin.command("INSERT INTO birdhouse.events (id, user) VALUES (1, 'u')")
    shipped.admin.command("DELETE FROM birdhouse.events WHERE id = 1", settings={"lightweight_deletes_sync": 2})
    for before, after in (
        ('ENGINE "MergeTree"', 'ENGINE "MergeTree"\nENGINE_TTL "toDateTime(id) + INTERVAL 90000 DAY"'),
        ('ENGINE "MergeTree"', 'ENGINE "MergeTree"\nENGINE_SETTINGS "merge_with_ttl_timeout=3600"'),
        (
            'ENGINE "MergeTree"',
            'INDEXES >\n    by_user user TYPE bloom_filter(0.01) GRANULARITY 2\n\nENGINE "MergeTree"',
        ),
        ('ENGINE "MergeTree"', '# birdhouse: PROJECTION p (SELECT * ORDER BY user)\nENGINE "MergeTree"'),
        ("`user` String", "`user` Nullable(String)"),
    ):
        shipped.write(EVENTS.replace(before, after))
        shipped.birdhouse("deploy")


def test_after_a_full_disk_a_table_can_be_looked_at_and_put_back(shipped: Shipped) -> None:
    shipped.birdhouse("deploy")
    client = shipped.client("ops")
    client.command("CHECK TABLE birdhouse.events SETTINGS check_query_single_value_result = 1")
    shipped.admin.command("INSERT INTO birdhouse.events (id, user) VALUES (1, 'u')")
    client.command("DETACH TABLE birdhouse.events SYNC")
    client.command("ATTACH TABLE birdhouse.events")
    assert shipped.count() == 1
    client.close()


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("ops", "DROP TABLE birdhouse.events SYNC"),
        ("ops", "TRUNCATE TABLE birdhouse.events"),
        ("ops", "ALTER TABLE birdhouse.events DROP COLUMN user"),
        ("ops", "CREATE DATABASE another"),
        ("ops", "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"),
        ("ingest", "DELETE FROM birdhouse.events WHERE 1"),
        ("ingest", "ALTER TABLE birdhouse.events DROP COLUMN user"),
        ("api", "INSERT INTO birdhouse.events (id) VALUES (1)"),
        ("api", "SELECT count() FROM system.processes"),
    ],
)
def test_what_no_user_of_ours_may_do(shipped: Shipped, user: str, statement: str) -> None:
    shipped.birdhouse("deploy")
    shipped.admin.command("INSERT INTO birdhouse.events (id, user) VALUES (1, 'u')")
    client = shipped.client(user)
    with pytest.raises(DatabaseError, match=r"ACCESS_DENIED|TABLE_SIZE_EXCEEDS_MAX_DROP_SIZE_LIMIT|READONLY"):
        client.command(statement)
    client.close()


def test_the_apis_user_can_see_what_is_deployed(shipped: Shipped) -> None:
    settings = load_settings(QueryApiSettings, shipped.environment("api"))
    project = load_project(shipped.folder / "project", environment={})
    ask = schema_check(settings, project, views_in(project))

    async def missing() -> list[str]:
        return await ask()

    import asyncio

    assert any("create the table" in reason for reason in asyncio.run(missing()))
    shipped.birdhouse("deploy")
    assert asyncio.run(missing()) == []


@pytest.mark.parametrize("user", ["ingest", "ops"])
def test_views_are_made_and_filled(shipped: Shipped, user: str, tmp_path: Path) -> None:
    scene = Scene(lambda: shipped.client(user), "birdhouse", tmp_path / "views")
    scene.send(0, 1_000)
    scene.change(ViewChanges(new=VIEWS))
    scene.send(1_000, 100)
    assert scene.wrong() == {}
    scene.change(ViewChanges(changed=VIEWS[:1]))
    scene.change(ViewChanges(gone=tuple(view.name for view in VIEWS)), views=())
    assert not [text for text in scene.told if "GRANT" in text]
    scene.client.close()
