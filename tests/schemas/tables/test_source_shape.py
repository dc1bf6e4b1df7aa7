"""The tables that a data source has, from its file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.model import Column, DataSource, Engine
from schemas.tables.source_shape import OFFSET_INDEX, shape_of
from tests.schemas.tables.examples import EVENTS, STRING, quarantine_of

PLAIN = replace(EVENTS, columns=tuple(replace(column, json_path=None) for column in EVENTS.columns))
HIDDEN = ["__topic", "__topic_id", "__partition", "__offset", "__timestamp"]


def test_a_data_source_that_takes_events() -> None:
    shape = shape_of(EVENTS)
    assert shape.takes_events
    assert list(shape.tables()) == ["events", "events_quarantine"]
    assert [column.name for column in shape.table.columns] == ["id", "size"]
    assert [column.name for column in shape.table.hidden] == HIDDEN
    assert [index.name for index in shape.table.indexes] == ["by_id", "__offset_range"]


def test_one_that_takes_none_is_its_table_alone() -> None:
    shape = shape_of(PLAIN)
    assert not shape.takes_events
    assert list(shape.tables()) == ["events"]
    assert (shape.feed, shape.quarantine, shape.table.hidden) == (None, None, ())
    assert [index.name for index in shape.table.indexes] == ["by_id"]


def test_what_the_schema_declares_itself_is_not_hidden() -> None:
    declared = replace(EVENTS, columns=(*EVENTS.columns, Column("__offset", STRING)))
    assert [column.name for column in shape_of(declared).table.hidden] == [
        name for name in HIDDEN if name != "__offset"
    ]
    assert "__offset" in [column.name for column in quarantine_of(declared).hidden]


def test_a_quarantine_shows_every_documented_column_as_text() -> None:
    odd = replace(EVENTS, columns=(*EVENTS.columns, Column("c__error", STRING), Column("__key", STRING)))
    shape = quarantine_of(odd)
    assert [(column.name, column.type) for column in shape.columns] == [
        ("c__error_column", "Array(String)"),
        ("c__error", "Array(String)"),
        ("c__import_id", "Nullable(String)"),
        ("id", "Nullable(String)"),
        ("size", "Nullable(String)"),
        ("insertion_date", "DateTime"),
    ]
    assert [column.name for column in shape.hidden] == [*HIDDEN, "__key", "__value"]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ("index_granularity=1, fsync_after_insert=1", ", fsync_after_insert=1"),
        ("note='fsync_, fsync_'", ""),
        (None, ""),
    ],
)
def test_a_quarantine_is_as_durable_as_the_table(settings: str | None, kept: str) -> None:
    shape = quarantine_of(replace(EVENTS, engine=replace(EVENTS.engine, settings=settings)))
    assert shape.settings == f"non_replicated_deduplication_window = 10000{kept}"


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        (Engine(), "MergeTree()"),
        (Engine("ReplacingMergeTree", version="v", is_deleted="d"), "ReplacingMergeTree(v, d)"),
        (Engine("SummingMergeTree", columns=("a", "b")), "SummingMergeTree((a, b))"),
        (Engine("CollapsingMergeTree", sign="s"), "CollapsingMergeTree(s)"),
        (Engine("VersionedCollapsingMergeTree", sign="s", version="v"), "VersionedCollapsingMergeTree(s, v)"),
        (Engine("Join", key_columns=("a",)), "Join(ANY, LEFT, a)"),
        (Engine("Null"), "Null()"),
    ],
)
def test_an_engine_with_its_arguments(engine: Engine, text: str) -> None:
    shape = shape_of(DataSource("x", (), engine)).table
    assert shape.keys.engine == text
    assert shape.engine_name == engine.name


@pytest.mark.parametrize(("engine", "has_index"), [("MergeTree", True), ("Null", False)])
def test_offsets_have_an_index_where_they_are_kept(engine: str, has_index: bool) -> None:
    shape = shape_of(replace(EVENTS, engine=Engine(engine))).table
    assert (OFFSET_INDEX in shape.indexes) is has_index
