"""What a sample's values become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.inference.columns import Inferred, infer
from schemas.inference.sample import read_sample


def inferred(*events: dict[str, Any]) -> Inferred:
    return infer(read_sample([json.dumps(event).encode() for event in events]))


def of_values(*values: Any) -> tuple[str, str]:
    """The type and the path's end of a column with these values in its events."""
    [column] = inferred(*({"a": value} for value in values)).columns
    return column.type, column.path.removeprefix("$.a") + column.default


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "Bool"),
        ([1, 2], "Int64"),
        ([-(2**63), 2**63 - 1], "Int64"),
        ([0, 2**63], "UInt64"),
        ([-1, 2**63], "Int128"),
        ([2**64], "Int128"),
        ([2**130], "Int256"),
        ([2**300], "String"),
        ([1, 2.5], "Float64"),
        (["x", "y"], "String"),
        (["2026-01-01 10:00:00", "2026-01-01T10:00:00Z"], "DateTime"),
        (["2026-01-01 10:00:00.5", "2026-01-01T10:00:00+02:00"], "DateTime64(3)"),
        (["2026-01-01T10:00:00.123456Z"], "DateTime64(6)"),
        (["2026-01-01T10:00:00.123456789Z"], "DateTime64(9)"),
        (["1950-01-01 10:00:00"], "DateTime64(3)"),
        (["0001-01-01 10:00:00"], "String"),
        (["2026-01-01 25:00:00"], "String"),
        (["2026-01-01"], "Date"),
        (["1950-01-01"], "Date32"),
        (["2026-02-30"], "String"),
        (["2026-01-01", "2026-01-01 10:00:00"], "String"),
        (["2026-01-01", "soon"], "String"),
        (["0b5d7a1c-3f1e-4a57-9d0e-2c8f6b7a9e10"], "UUID"),
        (["1", 2], "String"),
        ([True, 1], "String"),
        ([{"b": 1}, "x"], "String"),
        ([{}], "String"),
        ([None], "Nullable(String)"),
        ([1, None], "Nullable(Int64)"),
        (["2026-01-01", None], "Nullable(Date)"),
        (["x"] * 20, "LowCardinality(String)"),
        (["x"] * 20 + [None], "LowCardinality(Nullable(String))"),
        ([f"x{number}" for number in range(20)], "String"),
        ([[1, 2], []], "Array(Int64)[:]"),
        ([[1, 2], None], "Array(Int64)[:][]"),
        ([[1, None]], "Array(Nullable(Int64))[:]"),
        ([["x"] * 30], "Array(String)[:]"),
        ([["2026-01-01"]], "Array(Date)[:]"),
        ([[]], "Array(String)[:]"),
        ([[1, "x"]], "String"),
        ([[[1]]], "String"),
        ([[1], 1], "String"),
        ([[{"b": 1}, {"c": 1}]], "String"),
        ([[{"b": {"c": 1}}]], "String"),
        ([[None]], "String"),
    ],
)
def test_a_type_that_holds_every_value(values: list[Any], kind: str) -> None:
    assert "".join(of_values(*values)) == kind


def test_a_value_that_is_not_always_there_is_nullable() -> None:
    always, sometimes = inferred({"a": 1, "b": 1}, {"a": 2}).columns
    assert (always.type, sometimes.type) == ("Int64", "Nullable(Int64)")
    assert "not in every event" in sometimes.note


def test_objects_become_columns_of_their_members() -> None:
    columns = inferred({"a": {"b": 1, "c": {"d": "x"}}}, {"a": {"b": 1}}).columns
    assert [(column.name, column.path, column.type) for column in columns] == [
        ("a_b", "$.a.b", "Int64"),
        ("a_c_d", "$.a.c.d", "Nullable(String)"),
    ]
    assert [column.type for column in inferred({"a": {"b": 1}}, {}).columns] == ["Nullable(Int64)"]
    deep: dict[str, Any] = {"x": 1}
    for _ in range(6):
        deep = {"x": deep}
    assert [(column.path, column.type) for column in inferred(deep).columns] == [("$.x.x.x.x.x", "String")]


def test_objects_in_lists_become_a_list_for_each_member() -> None:
    columns = inferred({"a": [{"b": 1, "c": "x"}, {"b": 2, "c": "y"}]}, {"a": []}).columns
    assert [(column.name, column.path, column.type) for column in columns] == [
        ("a_b", "$.a[:].b", "Array(Int64)"),
        ("a_c", "$.a[:].c", "Array(String)"),
    ]


def test_keys_that_are_data_stay_together() -> None:
    events = [{"a": {f"key {number}": 1}} for number in range(50)]
    [column] = inferred(*events).columns
    assert (column.path, column.type) == ("$.a", "String")
    assert "50 keys" in column.note


def test_names_need_no_quotes_and_are_there_once() -> None:
    event = {"a-b": 1, "a_b": 2, "A_b": 3, "1st": 4, "__offset": 5, "_part": 6, "é": 7, "a": {"b": 8}, "c__error": 9}
    columns = inferred(event).columns
    assert {column.path: column.name for column in columns} == {
        "$.['a-b']": "a_b",
        "$.a_b": "a_b_2",
        "$.A_b": "A_b_3",
        "$.['1st']": "c_1st",
        "$.__offset": "offset",
        "$._part": "part",
        "$.['é']": "column",
        "$.a.b": "a_b_4",
        "$.c__error": "c_c__error",
    }


def test_a_key_that_no_path_names_is_left_out() -> None:
    found = inferred({"it's": 1, "a": {"b`": 1, "c": 1}})
    assert [column.path for column in found.columns] == ["$.a.c"]
    assert found.left_out == ("it's", "a.b`")


def test_what_tells_one_from_another_is_never_of_few_values() -> None:
    events = [{"user_id": f"u{number % 3}", "userId": "x", "paid": "yes"} for number in range(30)]
    assert [column.type for column in inferred(*events).columns] == ["String", "String", "LowCardinality(String)"]
