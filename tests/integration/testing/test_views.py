"""Views behind the tables of a test: they fire for fixtures, and find what they look up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.check import read_project
from deploy.testing.database.engine import Engine
from deploy.testing.reports.results import Outcome, Report
from deploy.testing.runner import Options, run_cases
from deploy.testing.selection import selected
from tests.integration.testing.conftest import Write

Run = Callable[[], Report]


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Run:
    return lambda: run_cases(engine, read_project(tmp_path, {}), {}, selected(tmp_path, []), Options())


def pipe(sql: str, kind: str) -> str:
    return f"NODE n\nSQL >\n    {sql}\nTYPE {kind}\n"


def test_a_view_finds_what_it_looks_up(write: Write, run: Run) -> None:
    """The names in the order of the alphabet are not those in which they must be loaded."""
    write("clicks.datasource", "SCHEMA >\n    `id` UInt32 `json:$.id`,\n    `user` UInt32 `json:$.user`\n")
    write("users.datasource", "SCHEMA >\n    `user` UInt32,\n    `name` String\n")
    write("named.datasource", "SCHEMA >\n    `name` String,\n    `n` UInt64\n")
    looked_up = (
        "SELECT users.name AS name, count() AS n FROM clicks JOIN users ON users.user = clicks.user GROUP BY name"
    )
    write("to_named.pipe", pipe(looked_up, "materialized\nDATASOURCE named"))
    write("by_name.pipe", pipe("SELECT name, sum(n) AS n FROM named GROUP BY name ORDER BY name", "endpoint"))
    write("fixtures/clicks.ndjson", '{"id":1,"user":7}\n{"id":2,"user":7}\n{"id":3,"user":8}\n')
    write("fixtures/users.csv", "user,name\n7,ada\n8,bob\n")
    write("tests/by_name.yaml", '- name: c\n  expected_result: |\n    {"name":"ada","n":2}\n    {"name":"bob","n":1}\n')
    [result] = run().results
    assert (result.outcome, result.lines) == (Outcome.PASSED, ())


def test_a_target_that_its_pipe_describes_has_rows_too(write: Write, run: Run) -> None:
    write("clicks.datasource", "SCHEMA >\n    `id` UInt32 `json:$.id`,\n    `day` Date `json:$.day`\n")
    engine = "ENGINE MergeTree\nENGINE_SORTING_KEY day\nENGINE_TTL day + toIntervalDay(1)"
    write("to_daily.pipe", pipe("SELECT day, id FROM clicks", f"materialized\nDATASOURCE daily\n{engine}"))
    write("days.pipe", pipe("SELECT count() AS n FROM daily", "endpoint"))
    write("fixtures/clicks.ndjson", '{"id":1,"day":"2001-01-01"}\n')
    write("tests/days.yaml", '- name: c\n  expected_result: |\n    {"n":1}\n')
    [result] = run().results
    assert (result.outcome, result.lines) == (Outcome.PASSED, ())
