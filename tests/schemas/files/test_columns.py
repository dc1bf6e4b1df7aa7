"""SCHEMA blocks to columns and problems."""

from __future__ import annotations

import pytest

from schemas.files.columns import ReadColumns, parse_columns
from schemas.files.lines.datafile import lines_of
from schemas.model import Column


def parse(text: str) -> ReadColumns:
    return parse_columns(lines_of(text, "x.datasource"))


def one(text: str) -> Column:
    found = parse(text)
    assert found.problems == []
    (column,) = found.columns
    return column


def shape(text: str) -> tuple[str, str | None, str | None, str | None, str | None]:
    column = one(text)
    kind = column.type.text if column.type else None
    return column.name, kind, column.json_path.text if column.json_path else None, column.default, column.codec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id UInt64 `json:$.id`", ("id", "UInt64", "$.id", None, None)),
        ("`id` UInt64,", ("id", "UInt64", None, None, None)),
        ("a String DEFAULT 'x' `json:$.a`", ("a", "String", "$.a", "'x'", None)),
        ("a String `json:$.a` DEFAULT 'x'", ("a", "String", "$.a", "'x'", None)),
        ("a String `json:$.a` DEFAULT 'x' CODEC(ZSTD(3))", ("a", "String", "$.a", "'x'", "ZSTD(3)")),
        ("a DateTime CODEC(DoubleDelta, LZ4)", ("a", "DateTime", None, None, "DoubleDelta, LZ4")),
        ("a Nullable(Int32) DEFAULT NULL", ("a", "Nullable(Int32)", None, None, None)),
        ("a DEFAULT 1", ("a", None, None, "1", None)),
        ("a.b-c LowCardinality(Nullable(String))", ("a.b-c", "LowCardinality(Nullable(String))", None, None, None)),
        ("a Array(String) `json:$.items[:].id`", ("a", "Array(String)", "$.items[:].id", None, None)),
        ("a DateTime64 (3, 'UTC')", ("a", "DateTime64(3, 'UTC')", None, None, None)),
        ("a Tuple(\n    x Int32,\n    y String\n)", ("a", "Tuple(x Int32, y String)", None, None, None)),
        ("a String DEFAULT concat('a,b', `c`) -- why, because", ("a", "String", None, "concat('a,b', `c`)", None)),
        ("a String DEFAULT 'it''s -- no comment'", ("a", "String", None, "'it''s -- no comment'", None)),
        ("a String DEFAULT if(b > 1,\n  'x',\n  'y')", ("a", "String", None, "if(b > 1,\n  'x',\n  'y')", None)),
        ("a UInt8 DEFAULT b = 1\n  AND c = 2", ("a", "UInt8", None, "b = 1\n  AND c = 2", None)),
        ("# before\n-- and\n/* more,\n lines */ a String # behind", ("a", "String", None, None, None)),
        ("a Enum8('x, y' = 1, 'z' = 2)", ("a", "Enum8('x, y' = 1, 'z' = 2)", None, None, None)),
        ("default String", ("default", "String", None, None, None)),
    ],
)
def test_forms_of_a_column(text: str, expected: tuple[str, ...]) -> None:
    assert shape(text) == expected


def test_columns_know_their_places() -> None:
    first, second = parse("    a String,\n\n    `b` UInt8\n").columns
    assert (str(first.place), str(second.place)) == ("x.datasource:1:5", "x.datasource:3:5")


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a String CODEC(ZSTD) DEFAULT 'x'", "Unexpected DEFAULT after CODEC", 1, 22),
        ("a String NOT NULL", "NOT NULL is not supported in the SCHEMA", 1, 10),
        ("a String NULL", "NULL is not supported in the SCHEMA", 1, 10),
        ("a String MATERIALIZED b", "MATERIALIZED is not supported in the SCHEMA", 1, 10),
        ("a String ALIAS b", "ALIAS is not supported in the SCHEMA", 1, 10),
        ("a DateTime TTL a + 1", "TTL is not supported in the SCHEMA", 1, 12),
        ("INDEX i a TYPE minmax", "Forbidden INDEX definition in the SCHEMA", 1, 1),
        ("a String\n  b String", "a comma is missing before `b`", 2, 3),
        ("a String DEFAULT 'x'\n  `b` String", "a comma is missing before `b`", 2, 3),
        ("a String `json:$.a`\n  b String", "a comma is missing before `b`", 2, 3),
        ("a Array(String", "the bracket is not closed", 1, 8),
        ("a String DEFAULT 'x", "the quote is not closed", 1, 18),
        ("a String DEFAULT x)", "this bracket closes none that is open", 1, 19),
        ("a String DEFAULT", "the DEFAULT of `a` is empty", 1, 17),
        ("a", "the column `a` has neither a type nor a DEFAULT", 1, 1),
        ("a String String", "`String` is not expected here", 1, 10),
        ("a String `json:b`", None, 1, 10),
        ("a String `json:$.a` `json:$.b`", "the column `a` has a second JSONPath", 1, 21),
        ("(a) String", "a column name is expected here", 1, 1),
        ("a Foo", "Unknown data type family: Foo", 1, 3),
    ],
)
def test_what_is_refused(text: str, message: str | None, line: int, column: int) -> None:
    problem = parse(text).problems[0]
    assert message is None or problem.message == message
    assert (problem.place.line, problem.place.column) == (line, column)
    assert problem.source_line == text.split("\n")[line - 1]


def test_one_wrong_column_hides_no_other() -> None:
    found = parse("a String,\nb Strin,\nc String NOT NULL,\nd UInt8\ne UInt,\nf String")
    assert [column.name for column in found.columns] == ["a", "d", "f"]
    assert [problem.place.line for problem in found.problems] == [2, 3, 5, 5]


@pytest.mark.parametrize(
    ("kind", "meant"), [("Strin", "String"), ("Array(string)", "String"), ("lowcardinality(X)", "LowCardinality")]
)
def test_the_type_that_was_meant_is_hinted_at(kind: str, meant: str) -> None:
    assert parse(f"a {kind}").problems[0].hint == f"did you mean {meant}?"


def test_an_index_in_a_path_is_read_with_a_warning() -> None:
    found = parse("a String `json:$.a.[0]`")
    assert [problem.severity for problem in found.problems] == ["warning"]
    assert found.columns[0].json_path is not None
