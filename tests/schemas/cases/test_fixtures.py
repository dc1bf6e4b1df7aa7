"""Which files are loaded as whose rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.cases.fixtures import find_fixtures
from schemas.model import DataSource

SOURCES = {name: DataSource(name, ()) for name in ("events", "users", "sales.raw")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def write(*files: str) -> None:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text("")

    write("fixtures/events.ndjson", "fixtures/sales.raw.sql", "datasources/fixtures/users.csv", "fixtures/README.md")
    write("fixtures/events.csv", "fixtures/event.ndjson", "node_modules/x/fixtures/users.ndjson", ".x/fixtures/a.csv")
    return tmp_path


def test_the_fixtures_of_a_project(folder: Path) -> None:
    found = find_fixtures(folder, SOURCES)
    assert {name: (each.file, each.kind) for name, each in found.by_data_source.items()} == {
        "events": ("fixtures/events.ndjson", "ndjson"),
        "users": ("datasources/fixtures/users.csv", "csv"),
        "sales.raw": ("fixtures/sales.raw.sql", "sql"),
    }


def test_what_is_not_loaded_is_told(folder: Path) -> None:
    told = {problem.place.file: problem for problem in find_fixtures(folder, SOURCES).problems}
    assert set(told) == {"fixtures/events.csv", "fixtures/event.ndjson"}
    assert "fixtures/events.ndjson" in told["fixtures/events.csv"].message
    assert told["fixtures/event.ndjson"].hint == "did you mean `events`?"


def test_a_project_may_have_none(tmp_path: Path) -> None:
    found = find_fixtures(tmp_path, SOURCES)
    assert (found.by_data_source, found.problems) == ({}, ())
