"""What ClickHouse refuses shows in a database beside, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from service.clickhouse.codes import Code
from service.deployment.lock import Lock
from service.deployment.rehearsal import rehearse
from service.errors import RefusedStatementError
from tests.service.deployment.databases import Database, client_of, plan_of

DROP = "DROP DATABASE IF EXISTS `db__rehearsal` SYNC"


def rehearsed(database: Database) -> None:
    rehearse(client_of(database), plan_of(database), Lock(client_of(database), "db"))


def failing(database: Database, code: int, fails: Callable[[str], bool]) -> Database:
    """`database`, but what `fails` picks is refused with a code."""
    send = database.command

    def command(statement: str) -> None:
        send(statement)
        if fails(statement):
            error = DatabaseError("Code: 1. DB::Exception: not like this")
            error.code = code
            raise error

    database.command = command  # type: ignore[method-assign]  # a stand-in
    return database


def test_everything_is_made_beside_and_dropped_again() -> None:
    database = Database()
    rehearsed(database)
    assert database.commands[:2] == [DROP, "CREATE DATABASE `db__rehearsal`"]
    assert database.commands[2].startswith("CREATE TABLE IF NOT EXISTS `db__rehearsal`.`events`")
    assert database.commands[-1] == DROP
    assert database.tables == {}


def test_a_plan_that_makes_nothing_needs_no_rehearsal() -> None:
    database = Database()
    plan = plan_of(database).only_notes()
    rehearse(client_of(database), plan, Lock(client_of(database), "db"))
    assert database.commands == []


def test_a_refusal_is_of_the_part_that_is_refused_alone_too() -> None:
    database = failing(Database(), 62, lambda statement: "CREATE TABLE" in statement)
    with pytest.raises(RefusedStatementError, match=r"refuses the column `id` of `events`: not like this") as caught:
        rehearsed(database)
    assert "nothing was changed" in caught.value.message
    assert database.commands[-1] == DROP


def test_who_may_not_create_a_database_deploys_without() -> None:
    database = failing(Database(), Code.ACCESS_DENIED, lambda statement: statement.startswith("CREATE DATABASE"))
    rehearsed(database)
    assert [statement.split()[0] for statement in database.commands] == ["DROP", "CREATE"]


def test_what_is_no_refusal_is_raised_as_it_is() -> None:
    table = "CREATE TABLE IF NOT EXISTS `db__rehearsal`"
    database = failing(Database(), Code.MEMORY_LIMIT_EXCEEDED, lambda statement: table in statement)
    with pytest.raises(DatabaseError):
        rehearsed(database)
    assert database.commands[-1] == DROP
