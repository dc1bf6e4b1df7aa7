"""A project of a test's own, and an engine to test it on: a server, and the embedded one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.testing.database.engine import Engine, of_embedded
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Executor
from tests.schemas.mapping.engines import ENGINES, connector

Write = Callable[[str, str], None]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "embedded":
        return of_embedded(request.getfixturevalue("embedded_engine"), 4)
    found = request.getfixturevalue("clickhouse")

    def execute_in(database: str) -> Executor:
        return HttpExecutor(ClickHouseServer(found.url, database, found.user, found.password), connections=5)

    return Engine(connector(request), execute_in, f"test_{uuid.uuid4().hex}")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of the project, whose folder is the test's own."""

    def write(file: str, text: str) -> None:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write
