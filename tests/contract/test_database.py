"""What a deploy asks of ClickHouse's client: a server's and the embedded engine's answer alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from service.clickhouse.codes import Code
from tests.schemas.mapping.engines import connector


@pytest.fixture(params=[pytest.param("server", marks=pytest.mark.needs("clickhouse")), "embedded"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    opened = connector(request)()
    yield opened
    opened.close()


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """A table of two columns in a database of the test's own."""
    database = f"test_{uuid.uuid4().hex}"
    client.command(f"CREATE DATABASE `{database}`")
    client.command(f"CREATE TABLE `{database}`.kept (id Int64, text String) ENGINE = MergeTree ORDER BY id")
    yield f"`{database}`.kept"
    client.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")


def test_rows_go_in_by_column_and_come_back_as_values(client: Client, table: str) -> None:
    written = client.insert(
        table,
        [[1, 2], ["a", "it's\t\0ñ"]],
        column_names=["id", "text"],
        column_type_names=["Int64", "String"],
        column_oriented=True,
        settings={"async_insert": 0},
    )
    assert written.written_rows == 2
    found = client.query(f"SELECT id, text, now() FROM {table} ORDER BY id", settings={"session_timezone": "UTC"})
    assert [row[:2] for row in found.result_rows] == [(1, "a"), (2, "it's\t\0ñ")]
    assert list(found.column_names)[:2] == ["id", "text"]
    assert isinstance(found.result_rows[0][2], datetime)


def test_values_are_bound(client: Client, table: str) -> None:
    client.insert(table, [[1, "it's {x}"]], column_names=["id", "text"])
    asked = f"SELECT id FROM {table} WHERE text = {{text:String}} AND id IN {{ids:Array(Int64)}}"
    found = client.query(asked, parameters={"text": "it's {x}", "ids": [1, 2]})
    assert found.result_rows == [(1,)]
    assert client.query(asked, parameters={"text": "other", "ids": [1]}).result_rows == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT * FROM {table}_that_is_not_there", Code.UNKNOWN_TABLE),
        ("SELECT FROM WHERE", 62),
        ("INSERT INTO {table} (nothing) VALUES (1)", 16),
        ("CREATE TABLE {table} (id Int64) ENGINE = MergeTree ORDER BY id", 57),
        ("ALTER TABLE {table} ADD CONSTRAINT c CHECK throwIf(1) = 0, DROP COLUMN absent", 10),
    ],
)
def test_what_is_refused_has_its_code(client: Client, table: str, statement: str, code: int) -> None:
    with pytest.raises(DatabaseError) as refused:
        client.command(statement.replace("{table}", table.replace("`", "")))
    assert refused.value.code == code


def test_a_constraint_refuses_an_insert_as_the_fence_does(client: Client, table: str) -> None:
    client.command(f"ALTER TABLE {table} ADD CONSTRAINT ours CHECK id < 10")
    with pytest.raises(DatabaseError, match="ours") as refused:
        client.insert(table, [[10, "late"]], column_names=["id", "text"])
    assert refused.value.code == Code.VIOLATED_CONSTRAINT


def test_a_command_gives_its_one_value(client: Client, table: str) -> None:
    assert client.command(f"SELECT count() FROM {table}") == 0
    assert str(client.command("SELECT 'one'")) == "one"


def test_the_tables_of_a_database_are_described(client: Client, table: str) -> None:
    database = table.partition(".")[0].strip("`")
    found = client.query(
        "SELECT name, engine, sorting_key, create_table_query FROM system.tables WHERE database = {d:String}",
        parameters={"d": database},
    )
    ((name, engine, key, created),) = found.result_rows
    assert (name, engine, key) == ("kept", "MergeTree", "id")
    assert created.startswith(f"CREATE TABLE {database}.kept")
    columns = client.query(
        "SELECT name, type FROM system.columns WHERE database = {d:String} ORDER BY position",
        parameters={"d": database},
    )
    assert columns.result_rows == [("id", "Int64"), ("text", "String")]


def test_times_are_utc(client: Client) -> None:
    found = client.query("SELECT toDateTime(0, 'UTC'), timezone()", settings={"session_timezone": "UTC"})
    ((moment, zone),) = found.result_rows
    assert moment.replace(tzinfo=UTC).timestamp() == 0
    assert zone == "UTC"
