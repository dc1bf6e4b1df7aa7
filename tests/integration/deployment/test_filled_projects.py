"""Projects whose views are made when the rows are there already answer as if they had been there from the start."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.model import Materialization, Pipe
from schemas.project import load_project
from schemas.queries.catalog import compile_project
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from tests.integration.filled import fill

PROJECTS = Path(__file__).parents[2] / "projects"
NO_HISTORY = {"new_pages", "daily", "hourly", "devices"}
"""What answers from a target with BACKFILL skip, or from behind a table that keeps nothing."""


def is_materialized(pipe: Pipe) -> bool:
    return any(isinstance(node.kind, Materialization) for node in pipe.nodes)


@pytest.mark.parametrize("name", ["rollups", "chains", "over_endpoints", "described", "dimensions", "states"])
def test_views_that_are_made_later_are_filled(client: Client, database: str, name: str) -> None:
    folder = PROJECTS / name
    project = load_project(folder, environment={})
    without = {pipe.name: pipe for pipe in project.pipes.values() if not is_materialized(pipe)}
    apply(client, read_plan(client, replace(project, pipes=without), database))
    fill(client, database, project, folder)
    apply(client, read_plan(client, project, database))
    again = read_plan(client, project, database)
    assert again.is_empty, again.render()
    catalog = compile_project(project)
    for question in json.loads((folder / "questions.json").read_text()):
        if question["parameters"] or "status" in question:
            continue
        query = catalog.endpoints[question["pipe"]].render({})
        settings = {"output_format_json_quote_64bit_integers": 0, "session_timezone": "UTC"}
        body = client.raw_query(query.sql, dict(query.parameters), fmt="JSON", settings=settings)
        expected = [] if question["pipe"] in NO_HISTORY else question["rows"]
        assert json.loads(body)["data"] == expected, question
