"""One deploy at a time: the lock is waited for, kept, and broken when its holder died and only then."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.own_names import LOCK_TABLE
from service.deployment.apply import apply
from service.deployment.lock import Lock
from service.errors import DeployBusyError, LockLostError
from tests.service.deployment.databases import Database, client_of, no_sleep, plan_of


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
