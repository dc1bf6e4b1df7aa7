"""A data source that takes events, and what ClickHouse tells after it was deployed."""

from __future__ import annotations

from pathlib import Path

from schemas.model import Column, ColumnType, DataSource, Engine, Index, JsonPath, Project
from schemas.own_names import FENCE_TABLE, landing_table, passage_tables, quarantine_table, views
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Change
from schemas.tables.ddl.mapping import MappingDdl, mapping_ddl
from schemas.tables.deployed import to_comment
from schemas.tables.diff.project import diff
from schemas.tables.settings import COMPACT_SETTING, WINDOW_SETTING
from schemas.tables.shape import TableShape
from schemas.tables.source_shape import shape_of

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


def changes(data_source: DataSource, tables: dict[str, ActualTable]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Effect, description and statements of the same, without the notes in comments."""
    return [
        (change.effect.value, change.description, change.statements)
        for change in differences(project(data_source), tables)
        if change.description != "note what is deployed"
    ]


def mapping_of(data_source: DataSource) -> MappingDdl:
    """Of a data source that takes events."""
    mapping = mapping_ddl(shape_of(data_source), "db")
    assert mapping is not None
    return mapping


def quarantine_of(data_source: DataSource) -> TableShape:
    """Of a data source that takes events."""
    quarantine = shape_of(data_source).quarantine
    assert quarantine is not None
    return quarantine


def deployed(data_source: DataSource) -> dict[str, ActualTable]:
    """What ClickHouse tells after a deploy of a data source that takes events."""
    name, shape = data_source.name, shape_of(data_source).table
    columns = {
        column.name: ActualColumn(
            column.name,
            column.type,
            "DEFAULT" if column.default else "",
            column.default or "",
            f"CODEC({column.codec})" if column.codec else "",
        )
        for column in shape.columns
    }
    engine_full = f"{shape.engine_name} ORDER BY id SETTINGS {WINDOW_SETTING} = 10000, {COMPACT_SETTING} = 1"
    quarantine = quarantine_of(data_source)
    shown = {column.name: ActualColumn(column.name, column.type) for column in quarantine.columns}
    tables = [
        ActualTable(FENCE_TABLE, "Join"),
        ActualTable(name, shape.engine_name, engine_full, to_comment(shape), columns=columns | _hidden(shape)),
        ActualTable(quarantine_table(name), "MergeTree", engine_full, columns=shown | _hidden(quarantine)),
        ActualTable(landing_table(name), "Null", comment=mapping_of(data_source).fingerprint),
        *(ActualTable(table, "Null") for table in passage_tables(name)[1:]),
        *(ActualTable(view, "MaterializedView") for view in views(name)),
    ]
    return {table.name: table for table in tables}


def _hidden(shape: TableShape) -> dict[str, ActualColumn]:
    return {name: ActualColumn(name, column.type) for column in shape.hidden for name in column.names}
