"""Views that are missing, or that cannot take a row: the insert says which, loses nothing and doubles nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from ingest_worker.storing.batch import Batch, Origin
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed
from ingest_worker.storing.sink import Sink
from schemas.feed import feed_of
from schemas.mapping.landing import fence_key, landing_of
from schemas.own_names import views
from tests.ingest_worker.fakes import batch_of, run
from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import OWNER, PARTITION, TOPIC, Mapped, project_of

FILES = {
    "datasources/clicks.datasource": "SCHEMA >\n    `id` Int64 `json:$.id`,\n    `text` String `json:$.text`\n",
}
ORIGIN = Origin("clicks", TOPIC, TOPIC, PARTITION)
TARGET = "(k Int64, n Int64) ENGINE = SummingMergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100"
ROLLUPS = ("hourly", "daily", "monthly")
COUNT = "id AS k, 1 AS n"
GOOD = [{"id": number, "text": "a"} for number in range(20)]
WRONG = [{"id": "x", "text": "a"}] * 5


@dataclass
class Behind:
    """The deployed data source, and what a test puts behind its table."""

    connect: Callable[[], Client]
    database: str
    mapped: Mapped
    sink: Sink
    first: int = 0

    def batch(self, messages: Sequence[object]) -> Batch:
        texts = [json.dumps(message).encode() for message in messages]
        made = batch_of(run(TOPIC, PARTITION, *texts, first_offset=self.first), origin=ORIGIN)
        self.first += len(texts)
        return made

    def insert(self, batch: Batch) -> Outcome:
        return self.sink.insert(batch, fence_key("clicks", TOPIC, PARTITION), OWNER)

    def command(self, sql: str) -> None:
        self.mapped.client.command(sql.replace("{db}", f"`{self.database}`"))

    def add(self, view: str, select: str, source: str = "clicks") -> None:
        """A view into a table `to_<view>` of its own."""
        self.command(f"CREATE TABLE IF NOT EXISTS {{db}}.to_{view} {TARGET}")
        into = f"{{db}}.{view} TO {{db}}.to_{view}"
        self.command(f"CREATE MATERIALIZED VIEW {into} AS SELECT {select} FROM {{db}}.{source}")

    def number(self, sql: str, table: str) -> int:
        return int(self.mapped.query(sql, table)[0][0])

    def stored(self) -> tuple[int, int]:
        """Rows of the table, and of its quarantine."""
        table, quarantine = (self.number("SELECT count() FROM {table}", t) for t in ("clicks", "clicks_quarantine"))
        return table, quarantine

    def counted(self, view: str) -> int:
        return self.number("SELECT sum(n) FROM {table}", f"to_{view}")


@pytest.fixture(params=ENGINES)
def behind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Behind]:
    connect, database = connector(request), f"test_{uuid.uuid4().hex}"
    project = project_of(tmp_path, FILES)
    mapped = Mapped(connect(), database, project)
    mapped.deploy()
    feed = feed_of(project.data_sources["clicks"])
    assert feed is not None
    made = Behind(connect, database, mapped, Sink(connect, database, landing_of(feed), insert_seconds=60))
    yield made
    made.sink.close()
    mapped.drop()
    mapped.client.close()


@pytest.mark.parametrize("view", views("clicks")[1:])
def test_no_view_of_the_mapping_can_be_missing_unseen_behind_however_many_rollups(behind: Behind, view: str) -> None:
    for rollup in ROLLUPS:
        behind.add(rollup, COUNT)
    # Each wrong row is written five times over, which makes up in number for any that is missing.
    behind.add("of_wrong", "arrayJoin([1, 2, 3, 4, 5]) AS k, 1 AS n", "clicks_quarantine")
    assert isinstance(behind.insert(behind.batch([*GOOD, *WRONG])), Stored)
    (create,) = behind.mapped.query("SHOW CREATE TABLE {table}", view)[0]
    behind.command(f"DROP VIEW {{db}}.{view} SYNC")
    batch = behind.batch([*GOOD, *WRONG])
    outcome = behind.insert(batch)
    assert isinstance(outcome, Refused), outcome
    assert (outcome.code, outcome.missing_view) == (60, view)
    assert behind.stored() == (20, 5)
    behind.command(create)
    assert isinstance(behind.insert(batch), Stored)
    assert behind.stored() == (40, 10)
    assert [behind.counted(rollup) for rollup in ROLLUPS] == [40, 40, 40]


@pytest.mark.parametrize("behind", ["server"], indirect=True)
def test_nothing_comes_to_any_view_where_the_first_of_the_mapping_is_missing(behind: Behind) -> None:
    for rollup in ROLLUPS:
        behind.add(rollup, COUNT)
    behind.command("DROP VIEW {db}.clicks_parse SYNC")
    assert behind.insert(behind.batch(GOOD)) == Swallowed(len(GOOD))


@pytest.mark.parametrize(
    ("select", "said"),
    [
        ("throwIf(id = 7, 'seven') AS k, 1 AS n", "view `broken` fails: seven (at `id`)"),
        ("intDiv(1, id - 7) AS k, 1 AS n", "view `broken` fails: Division by zero (at `id`)"),
        ("toInt64(concat('x', text)) AS k, 1 AS n", "view `broken` fails: Cannot parse string 'xa' as Int64"),
        ("nullIf(id, 7) AS k, 1 AS n", "view `broken` fails: Cannot convert NULL value to non-Nullable type (at `k`)"),
    ],
)
def test_a_view_that_fails_is_named_with_column_and_value_and_the_batch_is_whole_once_it_is_mended(
    behind: Behind, select: str, said: str
) -> None:
    behind.add("hourly", COUNT)
    behind.add("broken", select)
    batch = behind.batch([*GOOD, *WRONG])
    for _ in range(3):
        outcome = behind.insert(batch)
        assert isinstance(outcome, Refused), outcome
        assert outcome.view == "broken"
        assert outcome.message.startswith(said)
    behind.command("DROP VIEW {db}.broken SYNC")
    behind.add("broken", COUNT)
    for _ in range(2):
        assert isinstance(behind.insert(batch), Stored)
    assert behind.stored() == (20, 5)
    assert (behind.counted("hourly"), behind.counted("broken")) == (20, 20)


def test_a_view_without_its_target_is_named(behind: Behind) -> None:
    behind.add("hourly", COUNT)
    behind.command("DROP TABLE {db}.to_hourly SYNC")
    outcome = behind.insert(behind.batch(GOOD))
    assert isinstance(outcome, Refused)
    assert (outcome.view, outcome.message) == ("hourly", "view `hourly` fails: its target `to_hourly` is not there")


def test_a_view_without_a_column_or_a_table_that_it_reads_is_named(behind: Behind) -> None:
    behind.command("CREATE TABLE {db}.names (id Int64, name String) ENGINE = MergeTree ORDER BY id")
    behind.add("named", "id AS k, (SELECT count() FROM {db}.names) AS n")
    behind.command("DROP TABLE {db}.names SYNC")
    outcome = behind.insert(behind.batch(GOOD))
    assert isinstance(outcome, Refused)
    assert outcome.view == "named"
    assert "names" in outcome.message
