"""What has to agree within a data source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.checks.data_sources import check_data_source
from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, Index, JsonPath, Place

STRING = parse_column_type("String")
ID = Column("id", STRING, JsonPath("$.id", ("id",)), place=Place("e", 2))
EVENTS = DataSource("e", (ID,), place=Place("e"))
PLAIN = DataSource("e", (replace(ID, json_path=None),), place=Place("e"))


def told(data_source: DataSource) -> list[tuple[str, str]]:
    return [(problem.severity, problem.message) for problem in check_data_source(data_source, {})]


@pytest.mark.parametrize(
    ("column", "severity", "message"),
    [
        (ID, "error", "the column `id` is declared twice"),
        (
            Column("a", STRING),
            "warning",
            "the column `a` has no JSONPath and no DEFAULT, while other columns have a JSONPath",
        ),
        (Column("a", STRING, default="''"), "", ""),
        (Column("__offset", STRING), "", ""),
        (
            Column("__offset", STRING, ID.json_path),
            "warning",
            "`__offset` is a fact about the message: its JSONPath counts for nothing",
        ),
        (Column("__is_right", STRING, ID.json_path), "error", "the name `__is_right` is one of Birdhouse's own"),
        (Column("a", None, ID.json_path), "error", "the column `a` has a JSONPath and no type"),
        (
            Column("a", parse_column_type("Nested(b Int8)"), ID.json_path),
            "error",
            "a column of the type Nested(b Int8) cannot be filled from JSON",
        ),
        (Column("a", parse_column_type("AggregateFunction(sum, Int8)")), "", ""),
    ],
)
def test_a_column_beside_one_with_a_path(column: Column, severity: str, message: str) -> None:
    assert told(replace(EVENTS, columns=(ID, column))) == ([(severity, message)] if message else [])


@pytest.mark.parametrize(
    ("data_source", "name", "message"),
    [
        (EVENTS, "__offset_range", "the name `__offset_range` is one of Birdhouse's own"),
        (PLAIN, "__offset_range", ""),
        (EVENTS, "i", ""),
    ],
)
def test_the_name_of_our_index_is_taken_where_there_is_one(data_source: DataSource, name: str, message: str) -> None:
    found = told(replace(data_source, indexes=(Index(name, "id", "minmax"),)))
    assert found == ([("error", message)] if message else [])


def test_a_problem_shows_its_line() -> None:
    problems = check_data_source(replace(EVENTS, columns=(ID, ID)), {Place("e", 2): "    id String,"})
    assert next(problems).source_line == "    id String,"
