"""An API of two processes that the tests of a module share, and the ClickHouse before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.query_api.processes.running import FakeClickHouse, Running, running


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[FakeClickHouse]:
    fake = FakeClickHouse()
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory: pytest.TempPathFactory, clickhouse: FakeClickHouse) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api"), clickhouse) as started:
        started.answers()
        yield started


@pytest.fixture
def api(shared_api: Running, clickhouse: FakeClickHouse) -> Running:
    """The shared one, with both processes answering and nobody connected."""
    clickhouse.gate.clear()
    shared_api.answers()
    shared_api.until(lambda: [each["connections"] for each in shared_api.processes()] == [0, 0])
    return shared_api
