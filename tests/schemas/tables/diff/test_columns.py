"""Columns that are added, that change in place, and that would lose data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.model import Column, DataSource
from schemas.tables.actual import Actual, ActualColumn
from schemas.tables.change import Effect
from schemas.tables.diff.project import diff
from tests.schemas.tables.examples import EVENTS, NULLABLE, STRING, changes, deployed, differences, project

ALTER = "ALTER TABLE `db`.`events`"
ID, SIZE = EVENTS.columns
NEW = Column("new", STRING, default="'x'")


def with_columns(*columns: Column) -> DataSource:
    return replace(EVENTS, columns=columns)


@pytest.mark.parametrize(
    ("wanted", "effect", "said", "statement"),
    [
        ((NEW, ID, SIZE), "adds", "add the column `new`", "ADD COLUMN IF NOT EXISTS `new` String DEFAULT 'x' FIRST"),
        (
            (ID, NEW, SIZE),
            "adds",
            "add the column `new`",
            "ADD COLUMN IF NOT EXISTS `new` String DEFAULT 'x' AFTER `id`",
        ),
        (
            (ID, replace(SIZE, default="1")),
            "alters",
            "the DEFAULT of `size` becomes `1`",
            "MODIFY COLUMN `size` Int32 DEFAULT 1 CODEC(ZSTD(1))",
        ),
        (
            (ID, replace(SIZE, default=None)),
            "alters",
            "remove the DEFAULT of `size`",
            "MODIFY COLUMN `size` REMOVE DEFAULT",
        ),
        (
            (ID, replace(SIZE, codec="LZ4")),
            "alters",
            "the CODEC of `size` becomes `LZ4`",
            "MODIFY COLUMN `size` Int32 DEFAULT 0 CODEC(LZ4)",
        ),
        ((ID, replace(SIZE, codec=None)), "alters", "remove the CODEC of `size`", "MODIFY COLUMN `size` REMOVE CODEC"),
        (
            (ID, replace(SIZE, type=NULLABLE)),
            "alters",
            "the column `size` is `Int32` and should become `Nullable(Int32)`",
            "MODIFY COLUMN `size` Nullable(Int32) DEFAULT 0 CODEC(ZSTD(1))",
        ),
    ],
)  # fmt: skip
def test_what_changes_in_place(wanted: tuple[Column, ...], effect: str, said: str, statement: str) -> None:
    assert changes(with_columns(*wanted), deployed(EVENTS))[0] == (effect, said, (f"{ALTER} {statement}",))


def test_a_plain_column_may_become_nullable_and_not_plain_again() -> None:
    nullable = replace(EVENTS, columns=(EVENTS.columns[0], replace(EVENTS.columns[1], type=NULLABLE)))
    effects = [change.effect for change in differences(project(nullable), deployed(EVENTS))]
    assert Effect.ALTERS in effects
    assert Effect.REFUSED not in effects
    refused = [change for change in differences(project(EVENTS), deployed(nullable)) if change.effect is Effect.REFUSED]
    assert [change.description for change in refused] == [
        "the column `size` is `Nullable(Int32)` and should become `Int32`"
    ]
    assert all(change.hint and not change.statements for change in refused)


def test_what_somebody_made_by_hand_and_the_file_says_now_is_no_change() -> None:
    actual = deployed(EVENTS)
    columns = dict(actual["events"].columns) | {"size": replace(actual["events"].columns["size"], type="String")}
    actual["events"] = replace(actual["events"], columns=columns)
    assert changes(with_columns(ID, replace(SIZE, type=STRING)), actual)[0][1].startswith("replace the mapping")


def test_a_column_that_the_file_has_no_more_is_refused_with_what_to_do() -> None:
    (refused, *_) = differences(project(with_columns(ID)), deployed(EVENTS))
    assert refused.effect is Effect.REFUSED
    assert refused.hint.endswith(f"drop it by hand: {ALTER} DROP COLUMN `size`")


def test_a_removal_that_a_deploy_made_before_it_died_is_not_made_again() -> None:
    without = replace(EVENTS, columns=(EVENTS.columns[0], replace(EVENTS.columns[1], default=None, codec=None)))
    actual = deployed(EVENTS)
    columns = dict(actual["events"].columns) | {"size": ActualColumn("size", "Int32")}
    actual["events"] = replace(actual["events"], columns=columns)
    changes = differences(project(without), actual)
    assert not any("REMOVE" in text for change in changes for text in change.statements)
    assert any(
        "REMOVE DEFAULT" in text
        for change in differences(project(without), deployed(EVENTS))
        for text in change.statements
    )


@pytest.mark.parametrize("lost", ["__offset", "__in_offset"])
def test_of_a_hidden_pair_both_are_there_or_both_are_added(lost: str) -> None:
    actual = deployed(EVENTS)
    columns = {name: column for name, column in actual["events"].columns.items() if name != lost}
    actual["events"] = replace(actual["events"], columns=columns)
    assert changes(EVENTS, actual) == [
        (
            "adds",
            "add the hidden column `__offset`",
            (
                f"{ALTER} ADD COLUMN IF NOT EXISTS `__in_offset` Int64 EPHEMERAL",
                f"{ALTER} ADD COLUMN IF NOT EXISTS `__offset` Int64 MATERIALIZED `__in_offset`",
            ),
        )
    ]


@pytest.mark.parametrize(("names_zone", "kind"), [(True, "DateTime('UTC')"), (False, "DateTime")])
def test_a_new_time_names_its_zone_where_the_server_is_in_another(names_zone: bool, kind: str) -> None:
    timed = with_columns(ID, SIZE, Column("at", replace(STRING, family="DateTime", text="DateTime")))
    found = diff(project(timed), Actual(deployed(EVENTS)), "db", names_zone=names_zone)
    assert found[0].statements == (f"{ALTER} ADD COLUMN IF NOT EXISTS `at` {kind} AFTER `size`",)
