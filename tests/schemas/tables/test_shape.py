"""What a shape says of itself."""

from __future__ import annotations

import pytest

from schemas.tables.shape import ColumnShape, HiddenColumn, Keys, TableShape

SHAPE = TableShape(
    (ColumnShape("at", "Array(DateTime)", codec="LZ4"), ColumnShape("n")),
    Keys("ReplacingMergeTree(at)", sorting_key="at"),
    hidden=(HiddenColumn("__offset", "Int64"),),
)


def test_a_hidden_value_has_two_columns() -> None:
    assert SHAPE.hidden[0].names == ("__in_offset", "__offset")
    assert SHAPE.kept_names == ("at", "n", "__offset")
    assert SHAPE.all_names == {"at", "n", "__offset", "__in_offset"}


def test_times_get_utc_and_all_else_stays() -> None:
    zoned = SHAPE.in_utc()
    assert zoned.columns == (ColumnShape("at", "Array(DateTime('UTC'))", codec="LZ4"), ColumnShape("n"))
    assert (zoned.keys, zoned.hidden) == (SHAPE.keys, SHAPE.hidden)
    assert zoned.in_utc() == zoned


@pytest.mark.parametrize(
    ("engine", "name", "is_merge_tree"),
    [("MergeTree()", "MergeTree", True), ("Null", "Null", False), ("Join(ANY, LEFT, a)", "Join", False)],
)
def test_an_engine_by_its_name(engine: str, name: str, is_merge_tree: bool) -> None:
    shape = TableShape((), Keys(engine))
    assert (shape.engine_name, shape.is_merge_tree) == (name, is_merge_tree)


def test_keys_by_what_people_call_them() -> None:
    assert Keys("MergeTree()", "a", "b", "c", "d").by_clause() == {
        "engine": "MergeTree()",
        "partition key": "a",
        "sorting key": "b",
        "primary key": "c",
        "sampling key": "d",
    }
