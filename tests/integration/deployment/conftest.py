"""An engine, a database of its own and plans for it: the server, and the embedded engine."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from service.deployment.plan import Plan, read_plan
from tests.integration.deployment.deploys import Plans
from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import project_of


@pytest.fixture(params=ENGINES)
def connect(request: pytest.FixtureRequest) -> Callable[[], Client]:
    return connector(request)


@pytest.fixture
def client(connect: Callable[[], Client]) -> Iterator[Client]:
    client = connect()
    yield client
    client.close()


@pytest.fixture
def database(client: Client) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    yield name
    client.command(f"DROP DATABASE IF EXISTS `{name}` SYNC")


@pytest.fixture
def own_steps(request: pytest.FixtureRequest) -> Callable[[int], Iterable[int]]:
    """This engine's share of so many steps, each of which is to be tried once: two at a time in turn."""
    own = ENGINES.index(request.node.callspec.params["connect"])
    return lambda count: (number for number in range(count) if number // 2 % len(ENGINES) == own)


@pytest.fixture
def plan_of(client: Client, database: str, tmp_path: Path) -> Plans:
    """Plans a deploy of data sources, name → text."""

    def plan(**texts: str) -> Plan:
        folder = tmp_path / uuid.uuid4().hex
        project = project_of(folder, {f"{name}.datasource": text for name, text in texts.items()})
        return read_plan(client, project, database)

    return plan
