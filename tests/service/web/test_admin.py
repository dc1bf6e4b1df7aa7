"""The admin port, asked over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from prometheus_client import CollectorRegistry, Counter

from service.web.admin import create_admin_app


class Process:
    def __init__(self) -> None:
        self.is_live = True
        self.reasons: list[str] = []
        self.registry = CollectorRegistry()

    def app(self) -> Application:
        return create_admin_app(
            registry=self.registry,
            is_live=lambda: self.is_live,
            readiness=lambda: self.reasons,
            status=lambda: {"state": "running", "partitions": {"events/0": {"committed": 7}}, "folder": Path("a")},
        )


@pytest.fixture
def process() -> Process:
    return Process()


Client = TestClient[Request, Application]
ClientOf = Callable[[Application], Awaitable[Client]]


async def test_livez_follows_the_process(aiohttp_client: ClientOf, process: Process) -> None:
    client = await aiohttp_client(process.app())
    assert (await client.get("/livez")).status == 200
    process.is_live = False
    assert (await client.get("/livez")).status == 503


async def test_readyz_says_why_not(aiohttp_client: ClientOf, process: Process) -> None:
    client = await aiohttp_client(process.app())
    response = await client.get("/readyz")
    assert response.status == 200
    assert await response.json() == {"ready": True, "reasons": []}
    process.reasons = ["ClickHouse does not answer"]
    response = await client.get("/readyz")
    assert response.status == 503
    assert await response.json() == {"ready": False, "reasons": ["ClickHouse does not answer"]}


async def test_metrics_are_those_of_the_registry(aiohttp_client: ClientOf, process: Process) -> None:
    Counter("rows_inserted", "Rows.", registry=process.registry).inc(3)
    client = await aiohttp_client(process.app())
    response = await client.get("/metrics")
    assert response.content_type == "text/plain"
    assert "rows_inserted_total 3.0" in (await response.text()).splitlines()


async def test_status_is_json(aiohttp_client: ClientOf, process: Process) -> None:
    client = await aiohttp_client(process.app())
    response = await client.get("/status")
    assert await response.json() == {"state": "running", "partitions": {"events/0": {"committed": 7}}, "folder": "a"}


async def test_only_reading_is_possible(aiohttp_client: ClientOf, process: Process) -> None:
    client = await aiohttp_client(process.app())
    assert (await client.post("/status")).status == 405
    assert (await client.get("/")).status == 404


async def test_a_service_of_several_processes_is_looked_at_before_each_answer(
    aiohttp_client: ClientOf, process: Process
) -> None:
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        process.reasons = [f"look {looks}"]
        process.is_live = False
        counter.inc()

    counter = Counter("looks", "Looks.", registry=process.registry)
    app = create_admin_app(
        registry=process.registry,
        is_live=lambda: process.is_live,
        readiness=lambda: process.reasons,
        status=lambda: {"looks": looks},
        look=look,
    )
    client = await aiohttp_client(app)
    assert (await client.get("/livez")).status == 503
    assert (await (await client.get("/readyz")).json())["reasons"] == ["look 2"]
    assert "looks_total 3.0" in await (await client.get("/metrics")).text()
    assert await (await client.get("/status")).json() == {"looks": 4}
