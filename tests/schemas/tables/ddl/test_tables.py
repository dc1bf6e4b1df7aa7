"""The text of tables and of their parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.project import load_project
from schemas.tables.ddl.tables import (
    column_ddl,
    create_table,
    hidden_ddl,
    index_ddl,
    projection_ddl,
    quarantine_ddl,
    table_ddl,
)
from schemas.tables.shape import (
    ColumnShape,
    Constraint,
    HiddenColumn,
    IndexShape,
    Keys,
    ProjectionShape,
    Setting,
    TableShape,
)
from schemas.tables.source_shape import shape_of
from tests.schemas.tables.examples import EVENTS


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (ColumnShape("a", "String"), "`a` String"),
        (ColumnShape("a", default="1"), "`a` DEFAULT 1"),
        (ColumnShape("a b", "Int8", "", "ZSTD(1)"), "`a b` Int8 DEFAULT  CODEC(ZSTD(1))"),
    ],
)
def test_a_column(column: ColumnShape, text: str) -> None:
    assert column_ddl(column) == text


def test_a_hidden_pair_takes_the_value_and_keeps_it() -> None:
    assert hidden_ddl(HiddenColumn("__offset", "Int64")) == (
        "`__in_offset` Int64 EPHEMERAL",
        "`__offset` Int64 MATERIALIZED `__in_offset`",
    )


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (IndexShape("i", "a", "minmax"), "`i` a TYPE minmax"),
        (IndexShape("INDEX", "a", "set(1)", 2), "`INDEX` a TYPE set(1) GRANULARITY 2"),
    ],
)
def test_an_index(index: IndexShape, text: str) -> None:
    assert index_ddl(index) == f"INDEX {text}"
    assert index_ddl(index, if_not_exists=True) == f"INDEX IF NOT EXISTS {text}"


def test_a_projection() -> None:
    projection = ProjectionShape("PROJECTION", "*", "a, b")
    assert projection_ddl(projection) == "PROJECTION `PROJECTION` (SELECT * ORDER BY a, b)"
    assert projection_ddl(projection, if_not_exists=True).startswith("PROJECTION IF NOT EXISTS `PROJECTION` (")


WHOLE = TableShape(
    (ColumnShape("a", "String"),),
    Keys("MergeTree()", "p", "s", "k", "m"),
    hidden=(HiddenColumn("__key", "String"),),
    indexes=(IndexShape("i", "a", "minmax"),),
    projections=(ProjectionShape("p", "*", "a"),),
    constraints=(Constraint("c", "a != ''"),),
    ttl="t",
    settings="x=1",
    needed=(Setting("y", "2"),),
)


def test_a_table_with_all_that_there_is() -> None:
    assert create_table("d", "t", WHOLE).splitlines() == [
        "CREATE TABLE IF NOT EXISTS `d`.`t` (",
        "    `a` String,",
        "    `__in_key` String EPHEMERAL,",
        "    `__key` String MATERIALIZED `__in_key`,",
        "    INDEX `i` a TYPE minmax,",
        "    PROJECTION `p` (SELECT * ORDER BY a),",
        "    CONSTRAINT `c` CHECK a != ''",
        ")",
        "ENGINE = MergeTree()",
        *("PARTITION BY (p)", "ORDER BY (s)", "PRIMARY KEY (k)", "SAMPLE BY (m)", "TTL t", "SETTINGS x=1, y = 2"),
    ]


@pytest.mark.parametrize(
    ("keys", "clauses"),
    [
        (Keys("MergeTree()"), ["ENGINE = MergeTree()", "ORDER BY (tuple())"]),
        (Keys("Null()", "p", "s", "k", "m"), ["ENGINE = Null()"]),
    ],
)
def test_clauses_that_an_engine_does_not_have_are_left_out(keys: Keys, clauses: list[str]) -> None:
    shape = TableShape((ColumnShape("a", "String"),), keys, settings="" if keys.partition_key == "" else "x=1")
    assert create_table("d", "t", shape).splitlines()[3:] == clauses


def test_a_quarantine_is_sorted_by_where_its_messages_come_from() -> None:
    text = quarantine_ddl(shape_of(EVENTS), "d", names_zone=True)
    assert text.endswith(
        "ENGINE = MergeTree() ORDER BY (`__topic`, `__partition`, `__offset`)\n"
        "SETTINGS non_replicated_deduplication_window = 10000"
    )
    assert "`insertion_date` DateTime('UTC')" in text


EVENTS_FILE = """\
SCHEMA >
    `id` String `json:$.id`

ENGINE "MergeTree"
ENGINE_SORTING_KEY "id"
ENGINE_SETTINGS "index_granularity=1024, fsync_after_insert=1"
"""


def test_quarantine_is_as_durable_as_the_file_wants_the_table(tmp_path: Path) -> None:
    (tmp_path / "events.datasource").write_text(EVENTS_FILE)
    (data_source,) = load_project(tmp_path, environment={}).data_sources.values()
    shape = shape_of(data_source)
    tables = [text for text in (table_ddl(shape, "d"), quarantine_ddl(shape, "d")) if "MergeTree" in text]
    assert [text.count("fsync_after_insert") for text in tables] == [1, 1]
    assert sum("index_granularity" in text for text in tables) == 1
