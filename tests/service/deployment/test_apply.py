"""Deploys wait for each other, leave nothing behind, and do nothing at all where something would be lost."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.model import Column, ColumnType, DataSource, Project
from schemas.own_names import LOCK_TABLE
from schemas.tables.change import Change, Effect
from service.deployment.apply import apply
from service.deployment.lock import Lock
from service.deployment.plan import Plan, read_plan
from service.errors import DeployBusyError, LockLostError, RefusedPlanError, RefusedStatementError
from tests.service.deployment.databases import Database

PROJECT = Project(Path(), {"events": DataSource("events", (Column("id", ColumnType("String", "String")),))}, {})


def client_of(database: Database) -> Client:
    return cast("Client", database)


def plan_of(database: Database) -> Plan:
    return read_plan(client_of(database), PROJECT, "db")


def no_sleep(_: float) -> None:
    raise AssertionError("there is nothing to wait for")


def test_a_deploy_locks_creates_and_unlocks() -> None:
    database = Database(exists=False)
    done = apply(client_of(database), plan_of(database), sleep=no_sleep)
    words = [" ".join(statement.split()[:2]) for statement in database.commands]
    assert words == [
        *("CREATE DATABASE", "CREATE TABLE"),
        *("DROP DATABASE", "CREATE DATABASE", "CREATE TABLE", "DROP DATABASE"),  # the rehearsal
        *("CREATE TABLE", "DROP TABLE"),
    ]
    assert list(database.tables) == ["events"]
    assert [change.name for change in done.changes] == ["events"]


def test_an_empty_plan_sends_nothing() -> None:
    database = Database()
    empty = Plan(PROJECT, "db", creates_database=False, changes=())
    assert apply(client_of(database), empty, sleep=no_sleep) is empty
    assert database.commands == []


def test_a_refused_plan_sends_nothing_and_says_why() -> None:
    database = Database()
    refused = Change(Effect.REFUSED, "events", "the engine changes", hint="copy the data")
    with pytest.raises(RefusedPlanError, match=r"the engine changes\n.*hint: copy the data"):
        apply(client_of(database), Plan(PROJECT, "db", False, (refused,)), sleep=no_sleep)
    assert database.commands == []


def test_a_deploy_waits_until_the_other_one_has_ended() -> None:
    database = Database(tables={LOCK_TABLE: ("another", 5)})
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            del database.tables[LOCK_TABLE]

    apply(client_of(database), plan_of(database), sleep=sleep)
    assert len(waited) == 3
    assert list(database.tables) == ["events"]


def test_the_lock_of_a_deploy_that_died_is_broken() -> None:
    database = Database(tables={LOCK_TABLE: ("dead", 1000)})
    apply(client_of(database), plan_of(database), sleep=lambda _: None)
    assert list(database.tables) == ["events"]


def test_a_deploy_does_not_wait_for_ever_and_says_how_to_break_the_lock() -> None:
    database = Database(tables={LOCK_TABLE: ("another", 5)})
    waited: list[float] = []
    with pytest.raises(DeployBusyError, match=f"DROP TABLE `db`.`{LOCK_TABLE}`"):
        apply(client_of(database), plan_of(database), sleep=waited.append)
    assert 60 < sum(waited) < 600
    assert database.tables == {LOCK_TABLE: ("another", 5)}


def test_a_statement_that_fails_leaves_no_lock() -> None:
    database = Database(fails_at="`db`.`events`")
    with pytest.raises(RefusedStatementError, match="it does not work"):
        apply(client_of(database), plan_of(database), sleep=no_sleep)
    assert database.tables == {}


def test_a_lock_of_whose_holder_a_statement_runs_is_not_broken_however_old() -> None:
    database = Database(tables={LOCK_TABLE: ("77", 1000)}, running=("77",))
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 100:
            database.running = ()

    apply(client_of(database), plan_of(database), sleep=sleep)
    assert len(waited) == 101


def test_a_deploy_that_was_taken_for_dead_stops() -> None:
    database = Database(tables={LOCK_TABLE: ("another", 0)})
    now = [0.0]
    held = Lock(client_of(database), "db", clock=lambda: now[0])
    held.run("ALTER one")
    now[0] = 60.0
    with pytest.raises(LockLostError):
        held.run("ALTER two")
    assert database.commands == ["ALTER one"]


def test_a_lock_that_was_taken_over_is_left_to_its_new_holder() -> None:
    database = Database()
    plan = plan_of(database)
    create = database.command

    def command(statement: str) -> None:
        create(statement)
        if "`events`" in statement:
            database.tables[LOCK_TABLE] = ("another", 0)

    database.command = command  # type: ignore[method-assign]  # a stand-in
    apply(client_of(database), plan, sleep=no_sleep)
    assert database.tables[LOCK_TABLE] == ("another", 0)


def test_an_error_of_another_kind_is_not_taken_for_a_lock() -> None:
    database = Database(fails_at=LOCK_TABLE)
    with pytest.raises(DatabaseError, match="it does not work"):
        apply(client_of(database), plan_of(database), sleep=no_sleep)
