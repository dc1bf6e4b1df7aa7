"""What a data source that takes events has beside its table, and what of it is made anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.own_names import FENCE_TABLE, passage_tables, views
from schemas.tables.actual import Actual
from schemas.tables.change import Effect
from schemas.tables.diff.project import diff
from schemas.tables.settings import WINDOW_SETTING
from tests.schemas.tables.examples import EVENTS, changes, deployed, differences, mapping_of, project

ALTER = "ALTER TABLE `db`.`events_quarantine`"


@pytest.mark.parametrize("name", [*passage_tables("events"), *views("events")])
def test_a_mapping_of_which_a_part_is_missing_is_made_anew(name: str) -> None:
    actual = deployed(EVENTS)
    del actual[name]
    (change,) = differences(project(EVENTS), actual)
    assert change.effect is Effect.ADDS
    assert change.statements == mapping_of(EVENTS).statements


def test_a_mapping_that_was_not_ended_is_made_anew() -> None:
    actual = deployed(EVENTS)
    actual["events_landing"] = replace(actual["events_landing"], comment="")
    assert [change.name for change in differences(project(EVENTS), actual)] == ["events"]


@pytest.mark.parametrize(
    ("is_there", "comment", "replaces", "loses"),
    [(False, "", False, False), (True, "", True, True), (True, "another", True, False)],
)
def test_a_mapping_is_replaced_where_there_is_one(is_there: bool, comment: str, replaces: bool, loses: bool) -> None:
    actual = deployed(EVENTS)
    actual["events_landing"] = replace(actual["events_landing"], comment=comment)
    if not is_there:
        del actual["events_landing"]
    (change,) = differences(project(EVENTS), actual)
    assert change.description.startswith("replace" if replaces else "create")
    assert (change.replaces_mapping, change.loses) == (replaces, loses)


def test_a_quarantine_gets_the_columns_and_the_window_that_it_is_without() -> None:
    actual = deployed(EVENTS)
    kept = {name: column for name, column in actual["events_quarantine"].columns.items() if name not in ("id", "__key")}
    actual["events_quarantine"] = replace(actual["events_quarantine"], columns=kept, engine_full="MergeTree")
    assert changes(EVENTS, actual) == [
        (
            "adds",
            "add the column `id`",
            (f"{ALTER} ADD COLUMN IF NOT EXISTS `id` Nullable(String) AFTER `c__import_id`",),
        ),
        (
            "adds",
            "add the hidden column `__key`",
            (
                f"{ALTER} ADD COLUMN IF NOT EXISTS `__in_key` String EPHEMERAL",
                f"{ALTER} ADD COLUMN IF NOT EXISTS `__key` String MATERIALIZED `__in_key`",
            ),
        ),
        ("adds", "let it know a batch that is sent again", (f"{ALTER} MODIFY SETTING {WINDOW_SETTING} = 10000",)),
    ]
    assert [change.loses for change in differences(project(EVENTS), actual)] == [False, True, True]


def test_what_a_quarantine_has_besides_stays() -> None:
    wider = replace(EVENTS, columns=(*EVENTS.columns, replace(EVENTS.columns[0], name="former")))
    actual = deployed(EVENTS) | {"events_quarantine": deployed(wider)["events_quarantine"]}
    assert changes(EVENTS, actual) == []


def test_a_closed_door_is_opened_unless_a_new_mapping_opens_it() -> None:
    closed, actual = frozenset({"events"}), deployed(EVENTS)
    (opening,) = (change for change in diff(project(EVENTS), Actual(actual, closed), "db") if not change.is_note)
    assert opening.opens
    assert opening.statements == (f"INSERT INTO `db`.`{FENCE_TABLE}` VALUES ('events', 0)",)
    del actual["events_store"]
    assert not any(change.opens for change in diff(project(EVENTS), Actual(actual, closed), "db"))
