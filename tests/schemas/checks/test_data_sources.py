"""What has to agree within a data source, and between all names of a project."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.checks.data_sources import check_data_source, check_names
from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, Index, JsonPath, Pipe, Place

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


def named(name: str, file: str = "f", *, takes_events: bool = True, source: str = "") -> DataSource:
    return replace(EVENTS if takes_events else PLAIN, name=name, place=Place(file), source=source)


@pytest.mark.parametrize(
    ("second", "severity", "message"),
    [
        (named("other"), "", ""),
        (named("e", source="another"), "error", "the name `e` is taken by f"),
        (named("e"), "warning", "the file says the same as f"),
        (Pipe("e", (), source="another"), "error", "the name `e` is taken by f"),
        (named("e_store"), "error", "the name `e_store` is that of a table that belongs to the data source `e`"),
        (
            named("replay_record"),
            "error",
            "the name `replay_record` is that of the record of replays, one of Birdhouse's own",
        ),
        (named("System.x"), "error", "names that begin with `System.` are those of service data sources"),
        (named("E"), "warning", "the name `E` differs from that of f by its case alone"),
        (named("a b"), "error", "`a b` cannot be the name of a data source or pipe"),
        (named("a b", takes_events=False), "warning", "`a b` has to be quoted in SQL and escaped in a URL"),
        (named("a`b", takes_events=False), "error", "`a`b` cannot be the name of a data source or pipe"),
        (named("n" * 151), "error", f"`{'n' * 60}` cannot be the name of a data source or pipe"),
    ],
)
def test_names(second: DataSource | Pipe, severity: str, message: str) -> None:
    sources = [named("e"), *([second] if isinstance(second, DataSource) else [])]
    found = check_names(sources, [second] if isinstance(second, Pipe) else [])
    assert [(problem.severity, problem.message) for problem in found] == ([(severity, message)] if message else [])


def test_without_events_no_name_beside_is_taken() -> None:
    assert list(check_names([named("e", takes_events=False), named("e_store", takes_events=False)], [])) == []
