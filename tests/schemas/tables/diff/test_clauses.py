"""Keys, TTL, settings, indexes and projections: what of them changes in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from schemas.model import Engine, Index, Projection
from schemas.tables.actual import Actual
from schemas.tables.change import Effect
from schemas.tables.diff.project import diff
from schemas.tables.settings import COMPACT_SETTING, WINDOW_SETTING
from tests.schemas.tables.examples import EVENTS, changes, deployed, differences, project

ALTER = "ALTER TABLE `db`.`events`"
Changes = list[tuple[str, str, tuple[str, ...]]]


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (replace(EVENTS.engine, sorting_key="size"), "the sorting key is `id, size` and should become `size`"),
        (replace(EVENTS.engine, partition_key=None), "the partition key is `id` and should become ``"),
        (
            replace(EVENTS.engine, name="ReplacingMergeTree"),
            "the engine is `MergeTree()` and should become `ReplacingMergeTree()`",
        ),
    ],
)
def test_what_clickhouse_cannot_change_in_place_is_refused(engine: Engine, said: str) -> None:
    changes = differences(project(replace(EVENTS, engine=engine)), deployed(EVENTS))
    assert [change.description for change in changes if change.effect is Effect.REFUSED] == [said]
    assert all("MODIFY COMMENT" not in text for change in changes for text in change.statements)


def test_white_space_and_brackets_around_a_key_are_no_change() -> None:
    engine = replace(EVENTS.engine, sorting_key="( id,size )", partition_key="(id)")
    changes = diff(project(replace(EVENTS, engine=engine)), Actual(deployed(EVENTS)), "db")
    assert all(change.is_note for change in changes)
    assert "note what is deployed" in [change.description for change in changes]


def test_a_table_without_the_settings_for_events_gets_them() -> None:
    actual = deployed(EVENTS)
    actual["events"] = replace(actual["events"], engine_full="MergeTree ORDER BY id")
    changes = differences(project(EVENTS), actual)
    assert [change.effect for change in changes] == [Effect.ADDS, Effect.ADDS]
    assert [statement for change in changes for statement in change.statements] == [
        f"ALTER TABLE `db`.`events` MODIFY SETTING {WINDOW_SETTING} = 10000",
        f"ALTER TABLE `db`.`events` MODIFY SETTING {COMPACT_SETTING} = 1",
    ]


BY_ID = Index("by_id", "lower(id)", "minmax", 1)
BY_SIZE = Index("INDEX of `size`", "size", "set(9)")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            {},
            {"ttl": "at + INTERVAL 1 DAY"},
            [("alters", "the TTL becomes `at + INTERVAL 1 DAY`: older rows will be deleted",
              (f"{ALTER} MODIFY TTL at + INTERVAL 1 DAY",))],
        ),
        ({"ttl": "at"}, {}, [("alters", "remove the TTL", (f"{ALTER} REMOVE TTL",))]),
        (
            {"settings": "a=1, b='x,y'"},
            {"settings": "b='x,y', c=2"},
            [("alters", "the settings become `b='x,y', c=2`",
              (f"{ALTER} MODIFY SETTING b='x,y', c=2", f"{ALTER} RESET SETTING a"))],
        ),
        (
            {"settings": "a=1"},
            {"settings": None},
            [("alters", "the settings become ``", (f"{ALTER} RESET SETTING a",))],
        ),
    ],
)  # fmt: skip
def test_clauses_that_an_alter_changes(before: Mapping[str, Any], after: Mapping[str, Any], expected: Changes) -> None:
    was = replace(EVENTS, engine=replace(EVENTS.engine, **before))
    tables = deployed(was)
    ttl = f" TTL {before['ttl']}" if "ttl" in before else ""
    full = tables["events"].engine_full.replace(" SETTINGS", f"{ttl} SETTINGS")
    tables["events"] = replace(tables["events"], engine_full=full)
    assert changes(replace(EVENTS, engine=replace(EVENTS.engine, **after)), tables) == expected


def test_a_ttl_that_is_gone_already_is_not_removed_again() -> None:
    tables = deployed(replace(EVENTS, engine=replace(EVENTS.engine, ttl="at")))
    assert changes(EVENTS, tables) == [("alters", "remove the TTL", ())]


def test_an_index_that_is_another_is_dropped_and_built_anew() -> None:
    assert changes(replace(EVENTS, indexes=(BY_ID, BY_SIZE)), deployed(EVENTS)) == [
        ("alters", "drop the index `by_id`", (f"{ALTER} DROP INDEX IF EXISTS `by_id`",)),
        (
            "adds",
            "add the index `by_id` and build it",
            (
                f"{ALTER} ADD INDEX IF NOT EXISTS `by_id` lower(id) TYPE minmax GRANULARITY 1",
                f"{ALTER} MATERIALIZE INDEX `by_id`",
            ),
        ),
        (
            "adds",
            "add the index `INDEX of `size`` and build it",
            (
                f"{ALTER} ADD INDEX IF NOT EXISTS `INDEX of \\`size\\`` size TYPE set(9)",
                f"{ALTER} MATERIALIZE INDEX `INDEX of \\`size\\``",
            ),
        ),
    ]


def test_a_file_that_writes_the_setting_of_projections_keeps_its_own() -> None:
    own = replace(EVENTS.engine, settings="lightweight_mutation_projection_mode='rebuild'")
    wanted = replace(EVENTS, engine=own, projections=(Projection("p", "*", "size"),))
    statements = [text for _, _, found in changes(wanted, deployed(replace(EVENTS, engine=own))) for text in found]
    assert statements == [
        f"{ALTER} ADD PROJECTION IF NOT EXISTS `p` (SELECT * ORDER BY size)",
        f"{ALTER} MATERIALIZE PROJECTION `p`",
    ]
