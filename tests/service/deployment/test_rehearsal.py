"""What ClickHouse refuses shows in a database beside, before anything is changed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from service.clickhouse.codes import Code
from service.deployment.lock import Lock
from service.deployment.rehearsal import rehearse
from service.errors import RefusedStatementError
from tests.service.deployment.databases import Database, client_of, plan_of

SCRATCH = r"`db__rehearsal_[0-9a-f]+_[0-9a-f]{8}`"
DROP = rf"DROP DATABASE IF EXISTS {SCRATCH} SYNC"


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
    create, table, *_, drop = database.commands
    assert re.fullmatch(f"CREATE DATABASE {SCRATCH}", create)
    assert re.match(f"CREATE TABLE IF NOT EXISTS {SCRATCH}.`events`", table)
    assert re.fullmatch(DROP, drop)
    assert database.tables == {}


def test_what_a_deploy_that_was_killed_left_beside_is_dropped_an_hour_later() -> None:
    fresh, old = (
        f"db__rehearsal_{int(time.time()) - 60:x}_0badcafe",
        f"db__rehearsal_{int(time.time()) - 7200:x}_0badcafe",
    )
    database = Database(left_over=(fresh, old, "db__rehearsal_of_somebody"))
    rehearsed(database)
    dropped = [statement.split("`")[1] for statement in database.commands if statement.startswith("DROP")]
    assert old in dropped
    assert not {fresh, "db__rehearsal_of_somebody"}.intersection(dropped)


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
    assert re.fullmatch(DROP, database.commands[-1])


def test_who_may_not_create_a_database_deploys_without() -> None:
    database = failing(Database(), Code.ACCESS_DENIED, lambda statement: statement.startswith("CREATE DATABASE"))
    rehearsed(database)
    assert [statement.split()[0] for statement in database.commands] == ["CREATE"]


def test_what_is_no_refusal_is_raised_as_it_is() -> None:
    table = "CREATE TABLE IF NOT EXISTS `db__rehearsal_"
    database = failing(Database(), Code.MEMORY_LIMIT_EXCEEDED, lambda statement: table in statement)
    with pytest.raises(DatabaseError):
        rehearsed(database)
    assert re.fullmatch(DROP, database.commands[-1])
