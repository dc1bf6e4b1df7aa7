"""What a plan says about itself, and that reading one sends no statement."""

from __future__ import annotations

import pytest

from schemas.model import Place, Problem
from schemas.tables.change import Change, Effect
from schemas.tables.views.project import ProjectViews
from schemas.tables.views.view import ViewShape
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


NEW_VIEW = Change(Effect.ADDS, "rolled", "create the view of `events` into `sums`", ("CREATE VIEW",), answers=True)
GONE_VIEW = Change(Effect.ALTERS, "old", "remove the view of `events`", ("DROP VIEW",))
REFUSED_VIEW = Change(Effect.REFUSED, "taken", "there is a view of its name", hint="rename the pipe")


def test_views_are_changes_as_tables_are() -> None:
    made = Plan(PROJECT, "db", False, (ADDS,), view_changes=(NEW_VIEW,))
    assert (made.is_empty, made.only_adds, made.refused) == (False, True, ())
    assert made.differences == (ADDS, NEW_VIEW)
    assert made.statements == ("ALTER one", "ALTER two", "CREATE VIEW")
    assert made.render().splitlines()[-1] == "adds     rolled: create the view of `events` into `sums`"
    assert not Plan(PROJECT, "db", False, (), view_changes=(NEW_VIEW,)).is_empty
    assert not Plan(PROJECT, "db", False, (), view_changes=(GONE_VIEW,)).only_adds
    assert Plan(PROJECT, "db", False, (), view_changes=(NEW_VIEW, REFUSED_VIEW)).refused == (REFUSED_VIEW,)


def test_what_a_dead_deploy_left_of_its_fills_is_something_to_do() -> None:
    left = Plan(PROJECT, "db", False, (), has_leftovers=True)
    assert not left.is_empty
    assert "drop what a deploy that died has left of its fills" in left.render()
    opens = Change(Effect.ADDS, "events", "open the landing table", ("INSERT",), opens=True)
    assert Plan(PROJECT, "db", False, (opens,)).only_opens
    assert not Plan(PROJECT, "db", False, (opens,), has_leftovers=True).only_opens
    assert not Plan(PROJECT, "db", False, (opens,), view_changes=(NEW_VIEW,)).only_opens


def shape(name: str, source: str, target: str) -> ViewShape:
    return ViewShape(name, "n", source, (source,), target, ("SELECT 1",))


def test_what_is_about_a_data_source_is_all_that_its_events_come_through() -> None:
    views = ProjectViews((shape("a", "events", "sums"), shape("b", "sums", "more"), shape("c", "others", "elsewhere")))
    of_views = tuple(Change(Effect.ADDS, name, "create") for name in "abc")
    of_tables = tuple(Change(Effect.ADDS, name, "create", data_source=name) for name in ("events", "others"))
    made = Plan(PROJECT, "db", False, of_tables, project_views=views, view_changes=of_views, has_leftovers=True)
    about = made.about("events")
    assert [change.name for change in about.differences] == ["events", "a", "b"]
    assert [change.name for change in made.about("events_x").differences] == []
    assert made.about("events_x").is_empty


def test_what_is_left_undone_is_a_warning() -> None:
    told = Problem(Place("p.pipe", 3), "the sink `n` is not carried out", "h", severity="warning")
    wrong = Problem(Place("p.pipe", 4), "a view cannot", severity="error")
    views = ProjectViews(problems=(wrong,), not_carried_out=(told,))
    assert read_plan(client_of(Database()), PROJECT, "db", views).warnings == (
        "p.pipe:3:1: the sink `n` is not carried out\nhint: h",
    )


@pytest.mark.parametrize("exists", [False, True])
def test_reading_a_plan_sends_no_statement(exists: bool) -> None:
    database = Database(exists=exists)
    made = read_plan(client_of(database), PROJECT, "db")
    assert made.creates_database is not exists
    assert [change.name for change in made.changes] == ["events"]
    assert database.commands == []
