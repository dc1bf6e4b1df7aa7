"""What is known of a deployed table, and which of ClickHouse's texts are the file's in other words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.tables.actual import ActualColumn, ActualTable
from schemas.tables.deployed import to_comment
from schemas.tables.diff.comparison import deployed_shape, plain
from schemas.tables.shape import ColumnShape, Keys, TableShape
from schemas.tables.source_shape import shape_of
from tests.schemas.tables.examples import EVENTS

WANTED = shape_of(EVENTS).table
COLUMNS = {"id": ActualColumn("id", "UUID"), "more": ActualColumn("more", "Int8")}


@pytest.mark.parametrize(
    ("text", "same"),
    [("(a, b)", "a,b"), ("((a))", "a"), ("(a) , (b)", "(a),(b)"), ("`a`", "a"), ("Tuple(a\n  Int8)", "Tuple(aInt8)")],
)
def test_texts_that_are_the_same_but_for_what_clickhouse_writes_differently(text: str, same: str) -> None:
    assert plain(text) == same


def test_the_comment_says_what_was_deployed() -> None:
    before = replace(WANTED, ttl="now()", columns=())
    assert deployed_shape(ActualTable("events", "MergeTree", comment=to_comment(before)), WANTED) == before


def test_of_a_table_that_no_deploy_made_columns_and_keys_are_read() -> None:
    found = deployed_shape(ActualTable("events", "Log", "", "mine", "day", "(id)", COLUMNS), WANTED)
    assert found.columns == (ColumnShape("id", "UUID"),)
    assert found.keys == Keys("Log", "day", "(id)")
    assert (found.indexes, found.projections) == ((), ())
    assert (found.ttl, found.settings) == (WANTED.ttl, WANTED.settings)


def test_no_sorting_key_is_none_in_any_words() -> None:
    unsorted = TableShape((), Keys("MergeTree()", sorting_key="tuple()"))
    assert deployed_shape(ActualTable("events", "MergeTree"), unsorted).keys == unsorted.keys
