"""From what a project says and what ClickHouse holds to the changes between the two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.model import Column, ColumnType, DataSource, Engine, Index, JsonPath, Project
from schemas.own_names import FENCE_TABLE, incoming, landing_table, passage_tables, quarantine_table, views
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.ddl import COMPACT_SETTING, HIDDEN_TYPES, WINDOW_SETTING, mapping_ddl, quarantine_columns
from schemas.tables.deployed import from_comment, record_of, to_comment
from schemas.tables.diff import diff

QUARANTINED = ("__topic", "__topic_id", "__partition", "__offset", "__timestamp", "__key", "__value")
STRING, INTEGER = ColumnType("String", "String"), ColumnType("Int32", "Int32")
NULLABLE = ColumnType("Nullable", "Nullable(Int32)", (), (INTEGER,))
EVENTS = DataSource(
    "events",
    (
        Column("id", STRING, JsonPath("$.id", ("id",))),
        Column("size", INTEGER, JsonPath("$.size", ("size",)), default="0", codec="ZSTD(1)"),
    ),
    Engine(sorting_key="id, size", partition_key="id", settings="index_granularity=4096"),
    (Index("by_id", "id", "minmax", 1),),
)


def project(*data_sources: DataSource) -> Project:
    return Project(Path(), {data_source.name: data_source for data_source in data_sources}, {})


def differences(wanted: Project, tables: dict[str, ActualTable]) -> tuple[Change, ...]:
    """The changes, but for the note of what was made, which is ClickHouse's own account."""
    return tuple(change for change in diff(wanted, Actual(tables), "db") if not change.is_note)


def deployed(data_source: DataSource) -> dict[str, ActualTable]:
    """What ClickHouse tells after a deploy of a data source that takes events."""
    name = data_source.name
    columns = {
        column.name: ActualColumn(
            column.name,
            column.type.text if column.type else "",
            "DEFAULT" if column.default else "",
            column.default or "",
            f"CODEC({column.codec})" if column.codec else "",
        )
        for column in data_source.columns
    }
    for hidden in ("__topic", "__topic_id", "__partition", "__offset", "__timestamp"):
        for column_name in (hidden, incoming(hidden)):
            columns[column_name] = ActualColumn(column_name, HIDDEN_TYPES[hidden])
    engine_full = f"{data_source.engine.name} ORDER BY id SETTINGS {WINDOW_SETTING} = 10000, {COMPACT_SETTING} = 1"
    comment = to_comment(record_of(data_source))
    mapping = mapping_ddl(data_source, "db")
    assert mapping is not None
    tables = [
        ActualTable(FENCE_TABLE, "Join"),
        ActualTable(name, data_source.engine.name, engine_full, comment, columns=columns),
        ActualTable(
            quarantine_table(name),
            "MergeTree",
            engine_full,
            columns={column: ActualColumn(column, kind) for column, kind in quarantine_columns(data_source)}
            | {column: ActualColumn(column, "") for name in QUARANTINED for column in (name, incoming(name))},
        ),
        ActualTable(landing_table(name), "Null", comment=mapping.fingerprint),
        *(ActualTable(table, "Null") for table in passage_tables(name)[1:]),
        *(ActualTable(view, "MaterializedView") for view in views(name)),
    ]
    return {table.name: table for table in tables}


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


@pytest.mark.parametrize("name", [*passage_tables("events"), *views("events")])
def test_a_mapping_of_which_a_part_is_missing_is_made_anew(name: str) -> None:
    actual = deployed(EVENTS)
    del actual[name]
    (change,) = differences(project(EVENTS), actual)
    assert change.effect is Effect.ADDS
    assert change.statements == mapping_ddl(EVENTS, "db").statements  # type: ignore[union-attr]  # it takes events


def test_a_mapping_that_was_not_ended_is_made_anew() -> None:
    actual = deployed(EVENTS)
    actual["events_landing"] = replace(actual["events_landing"], comment="")
    assert [change.name for change in differences(project(EVENTS), actual)] == ["events"]


def test_a_mapping_closes_the_door_first_and_opens_it_last_but_for_the_mark_that_all_is_done() -> None:
    statements = mapping_ddl(EVENTS, "db").statements  # type: ignore[union-attr]  # it takes events
    assert statements[0] == f"INSERT INTO `db`.`{FENCE_TABLE}` VALUES ('events', 1)"
    assert statements[-2] == f"INSERT INTO `db`.`{FENCE_TABLE}` VALUES ('events', 0)"
    assert "MODIFY COMMENT" in statements[-1]


def test_a_table_without_the_settings_for_events_gets_them() -> None:
    actual = deployed(EVENTS)
    actual["events"] = replace(actual["events"], engine_full="MergeTree ORDER BY id")
    changes = differences(project(EVENTS), actual)
    assert [change.effect for change in changes] == [Effect.ADDS, Effect.ADDS]
    assert [statement for change in changes for statement in change.statements] == [
        f"ALTER TABLE `db`.`events` MODIFY SETTING {WINDOW_SETTING} = 10000",
        f"ALTER TABLE `db`.`events` MODIFY SETTING {COMPACT_SETTING} = 1",
    ]


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
    changes = differences(project(replace(EVENTS, engine=engine)), deployed(EVENTS))
    assert [change.description for change in changes] == ["note what is deployed"]


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


def test_a_record_comes_back_from_its_comment() -> None:
    odd = replace(EVENTS, columns=(*EVENTS.columns, Column("é'`\\", None, default="'x'")))
    assert from_comment(to_comment(record_of(odd))) == record_of(odd)


@pytest.mark.parametrize(
    "comment", ["", "a table of ours", "{}", "[]", '{"birdhouse": 5}', '{"birdhouse": {"columns": 1}}']
)
def test_a_comment_of_somebody_else_is_no_record(comment: str) -> None:
    assert from_comment(comment) is None
