"""By whom a project's SQL is analysed: the configured server, else the embedded engine in a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from deploy.embedded.engine import EmbeddedEngine
from deploy.errors import DeployError
from deploy.settings import RunSettings
from schemas.model import Project
from schemas.queries.catalog import Catalog
from service.analysis.findings import Findings
from service.analysis.project import Analyst
from service.clickhouse.codes import Code
from service.clickhouse.connect import connect, reason_of
from service.errors import ServerError

Analyse = Callable[[Project, Catalog], Findings]


class NotAnalysedError(DeployError):
    """Nobody is there to analyse SQL: the message says why."""


def analyse_with(analyst: Analyst) -> Analyse:
    """Raises `NotAnalysedError` when ClickHouse cannot be asked, or not by this user."""

    def analyse(project: Project, catalog: Catalog) -> Findings:
        try:
            return analyst.analyse(project, catalog)
        except DatabaseError as error:
            if error.code == Code.ACCESS_DENIED:
                reason = "the user may not create the database in which it is tried"
                raise NotAnalysedError(reason, "docs/containers.md says which rights the users need") from error
            raise NotAnalysedError(f"ClickHouse cannot be asked: {reason_of(error)}") from error
        except ClickHouseError as error:
            raise NotAnalysedError(f"ClickHouse cannot be asked: {reason_of(error)}") from error
        except ServerError as error:
            raise NotAnalysedError(error.message, error.hint) from error

    return analyse


@contextmanager
def analysing(settings: RunSettings, tell: Callable[[str], None]) -> Iterator[Analyse]:
    """What analyses a project beside everything that runs: it takes no lock and opens no data folder.

    A server that is configured and cannot be asked is told of, and the embedded engine asked in its place. Where there
    is none either, each question raises `NotAnalysedError`.
    """
    with _EngineOfItsOwn(settings) as engine:
        if settings.is_engine_embedded:
            yield engine.analyse
            return
        by_server = analyse_with(Analyst(partial(connect, settings), settings.clickhouse_database))

        def analyse(project: Project, catalog: Catalog) -> Findings:
            try:
                return by_server(project, catalog)
            except NotAnalysedError as error:
                tell(f"note: the SQL is analysed by the embedded engine: {error.message}")
                return engine.analyse(project, catalog)

        yield analyse


class _EngineOfItsOwn:
    """The embedded engine on a temporary folder, opened with the first question."""

    def __init__(self, settings: RunSettings) -> None:
        self._database = settings.clickhouse_database
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._engine: EmbeddedEngine | None = None
        self._analyse: Analyse | None = None

    def __enter__(self) -> _EngineOfItsOwn:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def analyse(self, project: Project, catalog: Catalog) -> Findings:
        if self._analyse is None:
            self._analyse = analyse_with(Analyst(self._client_factory(), self._database))
        return self._analyse(project, catalog)

    def _client_factory(self) -> Callable[[], Client]:
        # A process has one engine at most; in one that is open already the scratch database is in nobody's way.
        if (running := EmbeddedEngine.running()) is not None:
            return running.client
        self._folder = tempfile.TemporaryDirectory(prefix="birdhouse-check-", ignore_cleanup_errors=True)
        engine = EmbeddedEngine(Path(self._folder.name))
        try:
            engine.start()
        except (DeployError, OSError) as error:
            reason = error.message if isinstance(error, DeployError) else str(error)
            raise NotAnalysedError(reason, "set CLICKHOUSE_URL to have a server do it") from error
        self._engine = engine
        return engine.client
