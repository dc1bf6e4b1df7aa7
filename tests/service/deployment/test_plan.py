"""What a plan says about itself, and that reading one sends no statement."""

from __future__ import annotations

import pytest

from schemas.tables.change import Change, Effect
from service.deployment.plan import Plan, read_plan
from tests.service.deployment.databases import PROJECT, Database, client_of

ADDS = Change(Effect.ADDS, "events", "add the column `b`", ("ALTER one", "ALTER two"))
ALTERS = Change(Effect.ALTERS, "events", "remove the TTL", ("ALTER three",))
REFUSED = Change(Effect.REFUSED, "events", "the engine is `a` and should become `b`", hint="copy the data")


def plan(*changes: Change, creates_database: bool = False) -> Plan:
    return Plan(PROJECT, "db", creates_database, changes)


def test_an_empty_plan_has_nothing_to_do() -> None:
    empty = plan()
    assert empty.is_empty
    assert empty.only_adds
    assert empty.statements == ()
    assert empty.render() == "nothing to do: `db` holds what the project says"


@pytest.mark.parametrize(
    ("changes", "only_adds", "refused"),
    [
        ((ADDS,), True, ()),
        ((ADDS, ALTERS), False, ()),
        ((ADDS, REFUSED), False, (REFUSED,)),
        ((REFUSED, REFUSED, ALTERS), False, (REFUSED, REFUSED)),
    ],
)
def test_a_plan_knows_what_it_would_touch(
    changes: tuple[Change, ...], only_adds: bool, refused: tuple[Change, ...]
) -> None:
    made = plan(*changes)
    assert not made.is_empty
    assert (made.only_adds, made.refused) == (only_adds, refused)


def test_statements_come_in_the_order_of_the_changes() -> None:
    made = plan(ADDS, ALTERS, creates_database=True)
    assert made.statements == ("CREATE DATABASE IF NOT EXISTS `db`", "ALTER one", "ALTER two", "ALTER three")


def test_people_see_a_line_for_each_change_and_the_hints() -> None:
    assert plan(ADDS, ALTERS, REFUSED, creates_database=True).render().splitlines() == [
        "adds     db: create the database",
        "adds     events: add the column `b`",
        "alters   events: remove the TTL",
        "refused  events: the engine is `a` and should become `b`",
        "         hint: copy the data",
    ]


@pytest.mark.parametrize("exists", [False, True])
def test_reading_a_plan_sends_no_statement(exists: bool) -> None:
    database = Database(exists=exists)
    made = read_plan(client_of(database), PROJECT, "db")
    assert made.creates_database is not exists
    assert [change.name for change in made.changes] == ["events"]
    assert database.commands == []
