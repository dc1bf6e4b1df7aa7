"""`birdhouse run --fixtures`: rows for whoever looks at a project for the first time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from clickhouse_connect.driver.client import Client

from deploy.check import CheckedProject
from deploy.errors import FixtureError
from deploy.testing.database.fixtures import FixtureLoader
from deploy.testing.database.prepared import in_order
from schemas.cases.fixtures import find_fixtures
from schemas.model import DataSource, Place, Problem
from schemas.own_names import quarantine_table
from schemas.report import render
from schemas.sql.text import qualified
from schemas.tables.source_shape import shape_of


def load_fixtures(
    connect: Callable[[], Client], database: str, checked: CheckedProject, tell: Callable[[str], None]
) -> None:
    """Load the project's fixtures into those of its tables that are empty. What cannot be loaded is told."""
    project = checked.project
    found = find_fixtures(project.folder, project.data_sources)
    loader, problems = FixtureLoader(connect, database), list(found.problems)
    if not found.by_data_source:
        tell(f"`--fixtures`: there are none in {project.folder}")
    for fixture in in_order(found.by_data_source.values(), checked.views):
        source = project.data_sources[fixture.data_source]
        reason = _why_not(connect, database, source)
        if reason:
            tell(f"{fixture.file} is not loaded: {reason}")
            continue
        try:
            loaded = loader.load(source, fixture)
        except FixtureError as error:
            problems.append(Problem(Place(fixture.file), error.message, error.hint))
            continue
        problems += loaded.problems
        tell(f"{fixture.file} is loaded: {loaded.rows} rows of `{source.name}`")
    if problems:
        tell(render(problems))


def _why_not(connect: Callable[[], Client], database: str, source: DataSource) -> str:
    """Rows that are there are somebody's, or those of the fixture."""
    if source.engine.name == "Null":
        return f"`{source.name}` keeps no rows, so that nobody can tell whether it was loaded before"
    tables = [source.name, *([quarantine_table(source.name)] if shape_of(source).takes_events else [])]
    with closing(connect()) as client:
        for table in tables:
            if client.query(f"SELECT 1 FROM {qualified(database, table)} LIMIT 1").result_rows:
                return f"`{table}` has rows already"
    return ""
