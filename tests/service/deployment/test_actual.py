"""What is read of a database, from ClickHouse's own tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import DataSource, Project, Projection
from schemas.own_names import FENCE_TABLE, LOCK_TABLE
from service.clickhouse.codes import Code
from service.deployment.actual import read_actual, server_zone
from service.deployment.lock import STALE_SECONDS

EVENTS = DataSource("events", ())
PROJECTED = replace(EVENTS, projections=(Projection("p", "*", "a"),))


@dataclass
class Server:
    """Answers by what a query is about; a refusal stands for the rows."""

    tables: tuple[tuple[str, int], ...] = (("events", 1_000),)  # name, age in seconds
    deleted: tuple[str, ...] | DatabaseError = ()
    closed: tuple[str, ...] = ()
    exists: bool = True
    runs: int | DatabaseError = 0  # statements of the deploy

    def query(self, sql: str, parameters: dict[str, Any]) -> SimpleNamespace:
        rows: list[tuple[Any, ...]] = []
        if "timezoneOf" in sql:
            rows = [("Europe/Madrid",)]
        elif "system.databases" in sql:
            rows = [("db",)] if self.exists else []
        elif "system.columns" in sql:
            rows = [("events", "b", "Int8", "DEFAULT", "1", "LZ4"), ("events", "a", "String", "", "", "")]
        elif "system.tables" in sql:
            rows = [(name, "Log", "Log TTL", "c", "p", "s", "CREATE", 7, "26.9", age) for name, age in self.tables]
        elif "system.parts" in sql:
            if isinstance(self.deleted, DatabaseError):
                raise self.deleted
            rows = [(name,) for name in self.deleted]
        elif "system.processes" in sql:
            if isinstance(self.runs, DatabaseError):
                raise self.runs
            rows = [(self.runs,)]
        elif FENCE_TABLE in sql:
            rows = [(name,) for name in self.closed if name in parameters["names"]]
        return SimpleNamespace(result_rows=rows)


def client_of(server: Server) -> Client:
    return cast("Client", server)


def project_of(data_source: DataSource = EVENTS) -> Project:
    return Project(Path(), {data_source.name: data_source}, {})


def denied(code: int) -> DatabaseError:
    error = DatabaseError("no")
    error.code = code
    return error


def test_a_database_that_is_not_there_is_none() -> None:
    assert read_actual(client_of(Server(exists=False)), project_of(), "db") is None


def test_a_table_with_its_columns_in_order() -> None:
    actual = read_actual(client_of(Server()), project_of(), "db")
    assert actual is not None
    table = actual.tables["events"]
    assert list(table.columns) == ["b", "a"]
    assert (table.columns["b"].default_kind, table.columns["b"].default, table.columns["b"].codec) == (
        *("DEFAULT", "1", "LZ4"),
    )
    assert (table.engine, table.comment, table.partition_key, table.sorting_key) == ("Log", "c", "p", "s")
    assert (table.definition, table.rows, actual.version) == ("CREATE", 7, "26.9")


@pytest.mark.parametrize(
    ("tables", "closed"), [((("events", 9),), frozenset()), ((("events", 9), (FENCE_TABLE, 9)), frozenset({"events"}))]
)
def test_doors_are_looked_at_where_a_fence_is(tables: tuple[tuple[str, int], ...], closed: frozenset[str]) -> None:
    actual = read_actual(client_of(Server(tables, closed=("events", "another"))), project_of(), "db")
    assert actual is not None
    assert actual.closed == closed


@pytest.mark.parametrize(
    ("age", "runs", "is_locked"),
    [
        (STALE_SECONDS, 0, True),
        (STALE_SECONDS + 1, 0, False),
        (1_000, 1, True),
        (STALE_SECONDS + 1, denied(Code.ACCESS_DENIED), False),
    ],
)
def test_a_lock_that_nobody_renews_and_whose_holder_does_nothing_is_none(
    age: int, runs: int | DatabaseError, is_locked: bool
) -> None:
    actual = read_actual(client_of(Server(((LOCK_TABLE, age),), runs=runs)), project_of(), "db")
    assert actual is not None
    assert actual.is_locked is is_locked


@pytest.mark.parametrize(
    ("data_source", "deleted", "found"),
    [
        (EVENTS, ("events",), False),
        (PROJECTED, ("events",), True),
        (PROJECTED, ("another",), False),
        (PROJECTED, denied(Code.ACCESS_DENIED), False),
    ],
)
def test_deleted_rows_concern_projections_alone(
    data_source: DataSource, deleted: tuple[str, ...] | DatabaseError, found: bool
) -> None:
    actual = read_actual(client_of(Server(deleted=deleted)), project_of(data_source), "db")
    assert actual is not None
    assert actual.tables["events"].has_deleted_rows is found


def test_an_error_that_is_no_lack_of_rights_is_one() -> None:
    with pytest.raises(DatabaseError):
        read_actual(client_of(Server(deleted=denied(62))), project_of(PROJECTED), "db")


def test_the_zone_of_the_server() -> None:
    assert server_zone(client_of(Server())) == "Europe/Madrid"
