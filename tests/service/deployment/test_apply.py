"""Deploys leave nothing behind, and do nothing at all where something would be lost."""

from __future__ import annotations

import pytest

from schemas.tables.change import Change, Effect
from service.deployment.apply import apply
from service.deployment.plan import Plan
from service.errors import RefusedPlanError, RefusedStatementError
from tests.service.deployment.databases import PROJECT, Database, client_of, no_sleep, plan_of


def test_a_deploy_locks_creates_and_unlocks() -> None:
    database = Database(exists=False)
    done = apply(client_of(database), plan_of(database), sleep=no_sleep)
    words = [" ".join(statement.split()[:2]) for statement in database.commands]
    assert words == [
        *("CREATE DATABASE", "CREATE TABLE"),
        *("CREATE DATABASE", "CREATE TABLE", "DROP DATABASE"),  # the rehearsal
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


def test_a_statement_that_fails_leaves_no_lock() -> None:
    database = Database(fails_at="`db`.`events`")
    with pytest.raises(RefusedStatementError, match="it does not work"):
        apply(client_of(database), plan_of(database), sleep=no_sleep)
    assert database.tables == {}
