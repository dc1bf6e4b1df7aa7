"""Both services beside a schema that is not the project's, or was changed by hand: not ready, said, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from deploy.cli import main
from schemas.model import Project
from tests.ingest_worker.house import House, until
from tests.integration.deployment.services import Services
from tests.integration.ingest.test_ingest_command import FEED
from tests.servers import ClickHouseServer

DATA_SOURCE = """
SCHEMA >
    `id` String `json:$.id`,
    `size` Int32 `json:$.size`,
    `at` DateTime `json:$.at` DEFAULT toDateTime('2026-01-01 00:00:00')

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"
"""
PIPE = "NODE counting\nSQL >\n    SELECT sum(size) AS sizes FROM {name}\n\nTYPE endpoint\n"


class Deployment:
    """A project of one data source that a group's workers load, with commands as operators run them."""

    def __init__(
        self, kafka: str, clickhouse: ClickHouseServer, database: str, client: Client, name: str, folder: Path
    ) -> None:
        self.name, self.folder = name, folder
        (folder / "project" / "datasources").mkdir(parents=True)
        self.write(DATA_SOURCE)
        self.house = House(kafka, clickhouse, database, client, Project(folder, {}, {}))
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "CLICKHOUSE_URL": clickhouse.url,
            "CLICKHOUSE_USER": clickhouse.user,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
            "CLICKHOUSE_DATABASE": database,
            "PROJECT_DIR": str(folder / "project"),
            "BIRDHOUSE_SECRET": "a secret of the tests",
        }
        self.services = Services(folder, self.environment)

    def write(self, text: str) -> None:
        (self.folder / "project" / "datasources" / f"{self.name}.datasource").write_text(text + FEED.format(self.name))

    def deploy(self) -> str:
        said = CliRunner().invoke(main, ["deploy"], env=self.environment, catch_exceptions=False)
        assert said.exit_code == 0, said.output
        return said.output

    def produce(self, numbers: range) -> None:
        producer = Producer({"bootstrap.servers": self.house.kafka})
        for number in numbers:
            producer.produce(self.name, json.dumps({"id": str(number), "size": number}).encode(), partition=number % 6)
        assert producer.flush(30) == 0

    def sql(self, statement: str) -> None:
        self.house.client.command(statement.replace("{db}", f"`{self.house.database}`").replace("{name}", self.name))

    def rows(self, columns: str) -> list[tuple[object, ...]]:
        found = self.house.client.query(
            f"SELECT {columns} FROM `{self.house.database}`.`{self.name}` ORDER BY toInt64(id)"
        )
        return [tuple(row) for row in found.result_rows]


@pytest.fixture
def deployment(
    kafka: str, clickhouse: ClickHouseServer, database: str, clickhouse_client: Client, unique_name: str, tmp_path: Path
) -> Iterator[Deployment]:
    made = Deployment(kafka, clickhouse, database, clickhouse_client, unique_name, tmp_path)
    yield made
    made.services.end()


def test_services_of_a_project_that_is_not_deployed_are_ready_within_seconds_of_its_deploy(
    deployment: Deployment,
) -> None:
    (deployment.folder / "project" / "counting.pipe").write_text(PIPE.replace("{name}", deployment.name))
    deployment.deploy()
    deployment.write(DATA_SOURCE.replace("\n\nENGINE", ",\n    `new` Nullable(String) `json:$.new`\n\nENGINE", 1))
    worker, api = deployment.services.worker_process(), deployment.services.api()
    until(lambda: "add the column `new`" in worker("/readyz")[1])
    until(lambda: "add the column `new`" in api("/readyz")[1])
    for get in (worker, api):
        status, body = get("/readyz")
        assert status == 503
        assert any("`birdhouse deploy`" in reason for reason in json.loads(body)["reasons"])
    assert "add the column `new`" in " ".join(json.loads(worker("/status")[1])["schema_differences"])
    assert "add the column `new`" in " ".join(json.loads(api("/status")[1])["not_ready"])
    assert "birdhouse_ingest_schema_differences 0.0" not in worker("/metrics")[1]
    # It loads meanwhile as what is deployed says: nothing of that is lost.
    deployment.produce(range(20))
    until(lambda: len(deployment.rows("id")) == 20)
    deployment.deploy()
    until(lambda: worker("/readyz")[0] == 200 and api("/readyz")[0] == 200, seconds=10)
    assert "birdhouse_ingest_schema_differences 0.0" in worker("/metrics")[1]
    assert "the deployed schema is the project's again" in deployment.services.log("ingest_worker")


def test_the_api_does_not_mind_what_is_there_besides(deployment: Deployment) -> None:
    deployment.deploy()
    deployment.sql("ALTER TABLE {db}.`{name}` ADD COLUMN more Int8")
    deployment.sql("DROP VIEW {db}.`{name}_reject`")
    api = deployment.services.api()
    until(lambda: api("/readyz")[0] == 200)


BY_HAND = {
    "a column is dropped": ("ALTER TABLE {db}.`{name}` DROP COLUMN size", "the column `size` was dropped by hand"),
    "a hidden column is dropped": (
        "ALTER TABLE {db}.`{name}` DROP COLUMN __timestamp",
        "the column `__timestamp` was dropped by hand",
    ),
    "a column of the quarantine is dropped": (
        "ALTER TABLE {db}.`{name}_quarantine` DROP COLUMN size",
        "the column `size` was dropped by hand",
    ),
    "a DEFAULT is dropped": ("ALTER TABLE {db}.`{name}` MODIFY COLUMN at REMOVE DEFAULT", "the DEFAULT of `at`"),
    "the deduplication is switched off": (
        "ALTER TABLE {db}.`{name}` MODIFY SETTING non_replicated_deduplication_window = 0",
        "let it know a batch that is sent again",
    ),
    "that of the quarantine is": (
        "ALTER TABLE {db}.`{name}_quarantine` MODIFY SETTING non_replicated_deduplication_window = 5",
        "let it know a batch that is sent again",
    ),
    "a view is dropped": ("DROP VIEW {db}.`{name}_store`", "the mapping of messages to rows"),
    "a view is changed": (
        "ALTER TABLE {db}.`{name}_store` MODIFY QUERY SELECT `__parsed_id` AS id FROM {db}.`{name}_accepted`",
        "they were changed by hand",
    ),
}


@pytest.mark.parametrize(("statement", "said"), BY_HAND.values(), ids=BY_HAND)
def test_what_is_changed_by_hand_holds_a_data_source_until_it_is_deployed_again(
    deployment: Deployment, statement: str, said: str
) -> None:
    deployment.deploy()
    worker = deployment.services.worker()
    until(lambda: worker("/readyz")[0] == 200)
    deployment.produce(range(20))
    until(lambda: len(deployment.rows("id")) == 20)
    deployment.sql(statement)
    # An insert that fails, or the minute, is what makes the worker look.
    deployment.services.stop_worker()
    worker = deployment.services.worker()
    until(lambda: said in worker("/readyz")[1])
    deployment.produce(range(20, 40))
    until(lambda: "nothing is inserted" in (json.loads(worker("/status")[1])["data_sources"][0]["last_error"] or ""))
    assert len(deployment.rows("id")) == 20
    deployment.deploy()
    until(lambda: len(deployment.rows("id")) == 40, seconds=30)
    until(lambda: worker("/readyz")[0] == 200, seconds=10)
    kept = deployment.rows("id, size, toString(at, 'UTC')")
    assert kept[20:] == [(str(number), number, "2026-01-01 00:00:00") for number in range(20, 40)]


def test_no_value_is_lost_between_a_column_dropped_and_the_look_that_finds_it(deployment: Deployment) -> None:
    deployment.deploy()
    worker = deployment.services.worker()
    until(lambda: worker("/readyz")[0] == 200)
    deployment.sql("ALTER TABLE {db}.`{name}` DROP COLUMN size")
    deployment.produce(range(50))
    until(lambda: "the column `size` was dropped by hand" in worker("/readyz")[1], seconds=20)
    deployment.deploy()
    until(lambda: len(deployment.rows("id")) == 50)
    assert deployment.rows("size") == [(number,) for number in range(50)]


def test_a_type_that_was_changed_by_hand_is_refused_until_it_is_given_back_or_written_into_the_file(
    deployment: Deployment,
) -> None:
    deployment.deploy()
    deployment.sql("ALTER TABLE {db}.`{name}` MODIFY COLUMN size Int8")
    worker = deployment.services.worker()
    until(lambda: "was made `Int32` and is `Int8` by hand" in worker("/readyz")[1])
    deployment.produce(range(1000, 1010))
    said = CliRunner().invoke(main, ["deploy"], env=deployment.environment)
    assert said.exit_code == 1
    assert "MODIFY COLUMN `size` Int32" in said.output
    deployment.sql("ALTER TABLE {db}.`{name}` MODIFY COLUMN size Int64")
    deployment.write(DATA_SOURCE.replace("Int32", "Int64"))
    deployment.deploy()
    until(lambda: len(deployment.rows("id")) == 10)
    assert deployment.rows("size") == [(number,) for number in range(1000, 1010)]


def test_a_ttl_that_was_changed_by_hand_is_said_and_set_back(deployment: Deployment) -> None:
    deployment.deploy()
    deployment.sql("ALTER TABLE {db}.`{name}` MODIFY TTL at + INTERVAL 9000 DAY")
    worker = deployment.services.worker()
    until(lambda: "the TTL was changed by hand" in worker("/readyz")[1])
    deployment.produce(range(10))
    until(lambda: len(deployment.rows("id")) == 10)
    assert "REMOVE" not in deployment.deploy()
    until(lambda: worker("/readyz")[0] == 200, seconds=10)


def test_a_landing_table_made_anew_by_hand_takes_nothing(deployment: Deployment) -> None:
    deployment.deploy()
    landing = "{db}.`{name}_landing`"
    create = deployment.house.client.query(
        f"SHOW CREATE TABLE {landing}".replace("{db}", f"`{deployment.house.database}`").replace(
            "{name}", deployment.name
        )
    ).result_rows[0][0]
    without = "\n".join(line for line in create.splitlines() if "CONSTRAINT" not in line).replace(
        "Map(String, String),\n)", "Map(String, String)\n)"
    )
    deployment.sql(f"DROP TABLE {landing} SYNC")
    deployment.sql(without.replace("String,\n)", "String\n)").partition("COMMENT")[0])
    worker = deployment.services.worker()
    until(lambda: "the mapping of messages to rows" in worker("/readyz")[1])
    deployment.produce(range(10))
    until(lambda: "nothing is inserted" in (json.loads(worker("/status")[1])["data_sources"][0]["last_error"] or ""))
    deployment.deploy()
    until(lambda: len(deployment.rows("id")) == 10)


ROLLED = "SCHEMA >\n    `day` Date,\n    `sizes` Int64\n\nENGINE SummingMergeTree\nENGINE_SORTING_KEY day\n"
ROLLING = (
    "NODE rolling\nSQL >\n    SELECT toDate(at) AS day, sum(size) AS sizes FROM {name} GROUP BY day\n\n"
    "TYPE materialized\nDATASOURCE rolled\n"
)


def test_what_would_miss_a_view_that_somebody_dropped_is_not_inserted(deployment: Deployment) -> None:
    project = deployment.folder / "project"
    (project / "datasources" / "rolled.datasource").write_text(ROLLED)
    (project / "rolling.pipe").write_text(ROLLING.replace("{name}", deployment.name))
    deployment.deploy()
    deployment.services.worker()
    deployment.produce(range(6))
    until(lambda: len(deployment.rows("id")) == 6)
    deployment.services.stop_worker()
    deployment.sql("DROP VIEW {db}.rolling SYNC")
    worker, api = deployment.services.worker(), deployment.services.api()
    until(lambda: "`rolling`: create the view" in api("/readyz")[1])
    until(lambda: "it is not there any more" in worker("/readyz")[1])
    deployment.produce(range(6, 12))
    until(lambda: "nothing is inserted, as it would lose something" in worker("/status")[1])
    assert "which is not filled: it has what a view of this name wrote into it" in deployment.deploy()
    until(lambda: len(deployment.rows("id")) == 12)
    until(lambda: worker("/readyz")[0] == api("/readyz")[0] == 200)
    asked = f"SELECT sum(sizes) FROM `{deployment.house.database}`.rolled"
    until(lambda: deployment.house.client.query(asked).result_rows == [(66,)])  # a view stores after its table does
