"""The data sources of a module, `FILES` in it, deployed on each engine into a database of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import Mapped, project_of


@pytest.fixture(scope="module", params=ENGINES)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    client = connector(request)()
    yield client
    client.close()


@pytest.fixture(scope="module")
def mapped(
    client: Client, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapped]:
    project = project_of(tmp_path_factory.mktemp("project"), request.module.FILES)
    mapped = Mapped(client, f"test_{uuid.uuid4().hex}", project)
    mapped.deploy()
    yield mapped
    mapped.drop()
