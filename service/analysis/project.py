"""Has ClickHouse analyse every table and every node of a project, and tells all that it refuses at once."""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from schemas.tables.stored_zone import is_utc
from schemas.tables.views.project import views_of
from service.analysis.answers import Answers
from service.analysis.findings import Findings
from service.analysis.nodes import NodeAnalysis
from service.analysis.tables import try_tables
from service.deployment.actual import server_zone


class Analyst:
    """Analyses versions of a project; what has not changed since the last one is not asked again.

    `connect` gives clients of a server or of the embedded engine. Beside `database` a scratch database is made for the
    time of the questions; nothing else is touched, and no row is read.
    """

    def __init__(self, connect: Callable[[], Client], database: str) -> None:
        self._answers = Answers(connect, database)
        self._found: dict[str, tuple[Problem, ...]] = {}
        self._names_zone: bool | None = None

    def analyse(self, project: Project, catalog: Catalog) -> Findings:
        """What ClickHouse refuses of a project, and what it would do silently.

        Raises clickhouse_connect's errors when it cannot be asked, `DatabaseError` with `Code.ACCESS_DENIED` for a user
        who may not make the scratch database.
        """
        views = views_of(project, catalog)
        with self._answers.open() as asking:
            tables = try_tables(project.data_sources, views, asking, names_zone=self._is_elsewhere())
            nodes = NodeAnalysis(project, catalog, tables, asking, self._found)
            nodes.run()
        self._answers.forget_unasked()
        problems = [*tables.problems, *nodes.problems]
        problems.sort(key=lambda each: (each.place.file, each.place.line, each.place.column))
        return Findings(tuple(problems), frozenset(tables.broken | nodes.broken))

    def _is_elsewhere(self) -> bool:
        if self._names_zone is None:
            client = self._answers.connect()
            try:
                self._names_zone = not is_utc(server_zone(client))
            finally:
                client.close()
        return self._names_zone
