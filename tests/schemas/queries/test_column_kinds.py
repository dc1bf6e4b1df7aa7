"""What the columns of one name hold in all of a project's data sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, Project
from schemas.queries.catalog import compile_project
from schemas.queries.column_kinds import column_kinds
from tests.query_api.projects import pipe


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["Date"], "date"),
        (["LowCardinality(Nullable(Date32))"], "date"),
        (["DateTime"], "second"),
        (["Nullable(DateTime64(3))"], "fraction"),
        (["DateTime('UTC')"], "zoned"),
        (["DateTime64(3, 'Europe/Berlin')"], "zoned"),
        (["String"], "text"),
        (["Array(DateTime)"], "text"),
        (["Date", "DateTime64(3)"], "second"),
        (["DateTime64(3)", "DateTime"], "second"),
        (["DateTime", "DateTime('UTC')"], "zoned"),
        (["Date", "LowCardinality(String)"], "text"),
    ],
)
def test_a_name_has_the_most_general_kind_of_its_columns(types: list[str], kind: str) -> None:
    data_sources = [DataSource(f"t{n}", (Column("c", parse_column_type(each)),)) for n, each in enumerate(types)]
    assert column_kinds(data_sources) == {"c": kind}
    assert column_kinds(reversed(data_sources)) == {"c": kind}


def test_a_column_without_a_type_may_hold_anything() -> None:
    assert column_kinds([DataSource("t", (Column("a.b", None),))]) == {"b": "text"}


def test_an_endpoint_compares_times_by_the_columns_of_its_project() -> None:
    columns = (Column("day", parse_column_type("Date")), Column("kind", parse_column_type("String")))
    asked = pipe("p", n="% SELECT 1 FROM events WHERE day >= {{DateTime(x)}} AND kind >= {{DateTime(x)}}")
    project = Project(Path(), {"events": DataSource("events", columns)}, {"p": asked})
    query = compile_project(project).endpoints["p"].render({"x": "2024-01-31 10:00:00"})
    assert "day >= {p1:DateTime} AND kind >= {p2:String}" in query.sql
    assert set(query.parameters.values()) == {"2024-01-31 10:00:00"}
