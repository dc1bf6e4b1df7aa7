"""Where the rows of a pipe come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.testing.reads import Reads
from schemas.model import Column, ColumnType, DataSource, Endpoint, Materialization, Node, Pipe, Project
from schemas.queries.catalog import compile_project

COLUMN = Column("id", ColumnType("String", "String"))
SOURCES = {name: DataSource(name, (COLUMN,)) for name in ("events", "users", "hourly", "daily")}
PIPES = {
    "to_hourly": Pipe("to_hourly", (Node("n", "SELECT * FROM events", Materialization("hourly")),)),
    "to_daily": Pipe("to_daily", (Node("n", "SELECT * FROM hourly", Materialization("daily")),)),
    "by_day": Pipe("by_day", (Node("n", "SELECT * FROM daily JOIN users USING id", Endpoint()),)),
    "bad": Pipe("bad", (Node("n", "SELECT * FROM events_quarantine", Endpoint()),)),
}


@pytest.mark.parametrize(
    ("pipe", "filled", "origins"),
    [
        ("by_day", set(), ["users", "events"]),
        ("by_day", {"events"}, ["users", "events"]),
        ("by_day", {"users", "hourly"}, ["users", "hourly"]),
        ("to_daily", set(), ["events"]),
        ("bad", set(), ["events"]),
    ],
)
def test_a_view_gives_rows_where_its_source_has_some(pipe: str, filled: set[str], origins: list[str]) -> None:
    project = Project(Path(), SOURCES, PIPES)
    assert Reads(project, compile_project(project), frozenset(filled)).origins(pipe) == origins
