"""Where a project is tested: the embedded engine in a temporary folder, or a server."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clickhouse_connect.driver.client import Client

from deploy.embedded.engine import EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from deploy.settings import RunSettings
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Executor
from service.clickhouse.connect import connect
from service.errors import SettingProblem, SettingsError

TEST_SUFFIX = "__test"
"""Behind the database's name, before what makes it one's own: the databases in which projects are tested."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`connect` gives a client of its own each time, `execute_in` what answers the API's questions over a database;
    `database` is there for this test alone."""

    connect: Callable[[], Client]
    execute_in: Callable[[str], Executor]
    database: str


@contextmanager
def embedded(queries: int) -> Iterator[Engine]:
    """For that many queries at once. Raises `MissingExtraError`."""
    with tempfile.TemporaryDirectory(prefix="birdhouse-test-") as folder, EmbeddedEngine(Path(folder)) as engine:
        yield of_embedded(engine, queries)


def of_embedded(engine: EmbeddedEngine, queries: int) -> Engine:
    """An engine that runs already."""

    def execute_in(database: str) -> Executor:
        return EmbeddedExecutor(engine.handle, database=database, threads=queries)

    return Engine(engine.client, execute_in, _own_name("birdhouse"))


def of_server(settings: RunSettings, queries: int) -> Engine:
    """The server of `CLICKHOUSE_URL`. Raises `SettingsError`."""
    if settings.clickhouse_url is None:
        hint = "leave `--server` out to test on the embedded engine"
        raise SettingsError([SettingProblem("CLICKHOUSE_URL", "is needed and not set", hint)])

    def execute_in(database: str) -> Executor:
        there = settings.model_copy(update={"clickhouse_database": database})
        return HttpExecutor(ClickHouseServer.of(there), connections=queries + 1)

    return Engine(partial(connect, settings), execute_in, _own_name(settings.clickhouse_database))


def _own_name(database: str) -> str:
    return f"{database}{TEST_SUFFIX}_{secrets.token_hex(4)}"
