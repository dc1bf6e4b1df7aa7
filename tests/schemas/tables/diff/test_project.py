"""From what a project says and what ClickHouse holds to the changes between the two."""

from __future__ import annotations

from dataclasses import replace

from schemas.own_names import FENCE_TABLE
from schemas.sql.text import literal
from schemas.tables.actual import Actual
from schemas.tables.change import Effect
from schemas.tables.diff.project import diff
from schemas.tables.made import made_of, to_note
from schemas.tables.settings import WINDOW_SETTING
from tests.schemas.tables.examples import EVENTS, deployed, differences, project


def test_into_an_empty_database_everything_is_added_in_an_order_that_works() -> None:
    changes = differences(project(EVENTS), {})
    assert [change.name for change in changes] == [FENCE_TABLE, "events", "events_quarantine", "events"]
    assert {change.effect for change in changes} == {Effect.ADDS}
    assert all(change.statements for change in changes)


def test_what_is_deployed_needs_no_change() -> None:
    assert differences(project(EVENTS), deployed(EVENTS)) == ()


def test_tables_that_no_file_describes_are_left_alone() -> None:
    assert differences(project(), deployed(EVENTS)) == ()


def test_a_data_source_that_takes_no_events_is_a_table_and_no_more() -> None:
    target = replace(EVENTS, columns=tuple(replace(column, json_path=None) for column in EVENTS.columns))
    (change,) = differences(project(target), {})
    (create,) = change.statements
    assert create.startswith("CREATE TABLE IF NOT EXISTS `db`.`events`")
    assert "__offset" not in create
    assert WINDOW_SETTING not in create


def test_what_clickhouse_made_is_noted_when_nothing_else_is_to_do() -> None:
    tables = deployed(EVENTS)
    (note,) = diff(project(EVENTS), Actual(tables), "db")
    assert note.is_note
    assert note.name == "events_quarantine"
    noted = to_note(made_of("events", tables, ""))
    assert note.statements == (f"ALTER TABLE `db`.`events_quarantine` MODIFY COMMENT {literal(noted)}",)
    tables["events_quarantine"] = replace(tables["events_quarantine"], comment=noted)
    assert diff(project(EVENTS), Actual(tables), "db") == ()


def test_what_is_about_to_change_is_not_noted() -> None:
    tables = deployed(EVENTS)
    del tables["events_store"]
    assert not any(change.is_note for change in diff(project(EVENTS), Actual(tables), "db"))


def test_a_change_says_where_the_note_is_that_it_makes_void() -> None:
    tables = deployed(EVENTS)
    tables["events_quarantine"] = replace(tables["events_quarantine"], comment="a note")
    del tables["events_store"]
    (change,) = differences(project(EVENTS), tables)
    assert (change.data_source, change.note_in) == ("events", "events_quarantine")
