"""Projects of tests on the run's servers, deployed, with the workers that load them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from schemas.model import DataSource
from tests.ingest_worker.house import House, project
from tests.servers import ClickHouseServer

Build = Callable[..., House]


@pytest.fixture
def build(kafka: str, clickhouse: ClickHouseServer, database: str, clickhouse_client: Client) -> Iterator[Build]:
    """Gives a project of these data sources on the servers, deployed."""
    houses: list[House] = []

    def create(*data_sources: DataSource, deployed: bool = True) -> House:
        house = House(kafka, clickhouse, database, clickhouse_client, project(*data_sources))
        houses.append(house)
        if deployed:
            house.deploy()
        return house

    yield create
    for house in houses:
        house.close()
