"""Fixtures of tests on real servers: one Kafka and one ClickHouse a run, a database and a topic name a test.

The folders whose tests need them import them in their conftest.py.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.run_servers import Server, ask
from tests.servers import ClickHouseServer, KafkaServer, ServerUnavailableError


@pytest.fixture(autouse=True)
def needed_servers(request: pytest.FixtureRequest) -> None:
    """Starts what `@pytest.mark.needs("kafka", "clickhouse")` names, and skips the test where that cannot be had."""
    for mark in request.node.iter_markers("needs"):
        for server in mark.args:
            request.getfixturevalue(server)


@pytest.fixture(scope="session")
def kafka_server_of_run(run_folder: Path) -> KafkaServer:
    server = _asked(run_folder, "kafka")
    assert isinstance(server, KafkaServer)
    return server


@pytest.fixture(scope="session")
def kafka(kafka_server_of_run: KafkaServer) -> str:
    """`bootstrap.servers` of a broker that creates no topic by itself."""
    return kafka_server_of_run.address


@pytest.fixture(scope="session")
def kafka_for_clickhouse(kafka_server_of_run: KafkaServer) -> str:
    """`bootstrap.servers` of the same broker as the run's ClickHouse reaches it."""
    return kafka_server_of_run.address_for_clickhouse


@pytest.fixture(scope="session")
def clickhouse(run_folder: Path) -> ClickHouseServer:
    """A ClickHouse server and a user of it who may do everything."""
    server = _asked(run_folder, "clickhouse")
    assert isinstance(server, ClickHouseServer)
    return server


def _asked(folder: Path, kind: str) -> Server:
    try:
        return ask(folder, kind)
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def clickhouse_client(clickhouse: ClickHouseServer) -> Iterator[Client]:
    """A client that may do everything, for arranging and for reading back."""
    client = clickhouse_connect.get_client(dsn=clickhouse.url, username=clickhouse.user, password=clickhouse.password)
    yield client
    client.close()


@pytest.fixture
def database(clickhouse_client: Client) -> Iterator[str]:
    """The name of a database of this test's own, not yet created; it is dropped at the end."""
    name = f"test_{uuid.uuid4().hex}"
    yield name
    clickhouse_client.command(f"DROP DATABASE IF EXISTS `{name}` SYNC")


@pytest.fixture
def unique_name() -> str:
    """A name that no other test uses, for topics, groups and whatever else outlives a test on a shared server."""
    return f"test_{uuid.uuid4().hex}"
