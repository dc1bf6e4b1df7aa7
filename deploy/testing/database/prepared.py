"""A project in a database of its own: its tables without a TTL, and the rows of its fixtures in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.errors import FixtureError
from deploy.testing.database.clock import clients_at
from deploy.testing.database.engine import Engine
from deploy.testing.database.fixtures import FixtureLoader
from deploy.testing.database.project import project_for_tests
from schemas.cases.fixtures import Fixture, find_fixtures
from schemas.model import Place, Problem, Project
from schemas.queries.catalog import Catalog
from schemas.sql.text import identifier
from schemas.tables.views.project import ProjectViews, views_of
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is there when cases are asked: `filled` are the data sources that have rows of their own, `problems` what is
    wrong with fixtures."""

    filled: frozenset[str]
    problems: tuple[Problem, ...]


@contextmanager
def project_database(
    engine: Engine, project: Project, catalog: Catalog, moment: datetime | None, tell: Callable[[str], None]
) -> Iterator[Prepared]:
    """Raises what a deploy raises. The database is dropped at the end."""
    found = find_fixtures(project.folder, project.data_sources)
    # What an `.sql` gives may be events: that shows when it is asked.
    events = {name for name, fixture in found.by_data_source.items() if fixture.kind != "csv"}
    tested = project_for_tests(project, events)
    views = views_of(tested, catalog)
    try:
        with closing(clients_at(engine.connect, moment)()) as client:
            apply(client, read_plan(client, tested, engine.database, views), tell=tell)
        loader = FixtureLoader(engine.connect, engine.database, moment)
        filled, problems = set[str](), list(found.problems)
        for fixture in in_order(found.by_data_source.values(), views):
            try:
                problems += loader.load(tested.data_sources[fixture.data_source], fixture).problems
                filled.add(fixture.data_source)
            except FixtureError as error:
                problems.append(Problem(Place(fixture.file), error.message, error.hint))
        yield Prepared(frozenset(filled), tuple(problems))
    finally:
        _drop(engine, tell)


def _drop(engine: Engine, tell: Callable[[str], None]) -> None:
    """Whatever went wrong before is what is to be told."""
    statement = f"DROP DATABASE IF EXISTS {identifier(engine.database)} SYNC"
    try:
        with closing(engine.connect()) as client:
            client.command(statement)
    except (ClickHouseError, ServiceError):
        tell(f"note: the database of the test may be left\nhint: {statement}")


def in_order(fixtures: Iterable[Fixture], views: ProjectViews) -> list[Fixture]:
    """What views look up comes before what they fire for."""
    firing = {shape.source for shape in views.shapes}
    return sorted(fixtures, key=lambda fixture: (fixture.data_source in firing, fixture.data_source))
