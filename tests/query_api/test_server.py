"""The service's life: listening, the look at the schema, and an end that loses no request."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from query_api.access.auth import derive_token
from query_api.app import STATE, create_app
from query_api.errors import Unavailable
from query_api.observing.lifetime import Listening, Stopping
from query_api.observing.observations import Observation
from query_api.observing.servers import SchemaDiffers
from query_api.server import serve
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from service.settings import load_settings
from tests.query_api.fakes import PROJECT, SECRET, FakeBroker, FakeExecutor, until

pytestmark = pytest.mark.sockets


class Service:
    """A whole service on ports that the system chose."""

    def __init__(self) -> None:
        self.executor, self.broker = FakeExecutor(), FakeBroker()
        self.observed: list[Observation] = []
        self.stop = asyncio.Event()
        environment = {
            "BIRDHOUSE_SECRET": SECRET,
            "BIRDHOUSE_API_PORT": "0",
            "BIRDHOUSE_API_ADMIN_PORT": "0",
        }
        self.app: web.Application = create_app(
            load_settings(QueryApiSettings, environment),
            environment={},
            project=PROJECT,
            servers=Servers(self.executor, self.broker, self.broker, self.broker),
            observer=self.observed.append,
        )

    async def listening(self) -> Listening:
        await until(lambda: any(isinstance(each, Listening) for each in self.observed))
        return next(each for each in self.observed if isinstance(each, Listening))


async def ask(session: aiohttp.ClientSession, port: int) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {derive_token(SECRET.encode(), 'admin')}"}
    async with session.get(f"http://127.0.0.1:{port}/v0/pipes/top.json", headers=headers) as response:
        return response.status, await response.read()


async def test_a_request_in_flight_is_answered_before_the_end() -> None:
    service = Service()
    service.executor.gate = asyncio.Event()
    running = asyncio.create_task(serve(service.app, stop=service.stop))
    where = await service.listening()
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(ask(session, where.port))
        await until(lambda: bool(service.executor.questions))
        service.stop.set()
        await until(lambda: Stopping(20.0) in service.observed)
        async with session.get(f"http://127.0.0.1:{where.admin_port}/readyz") as response:
            assert response.status == 503
        service.executor.gate.set()
        assert await asking == (200, service.executor.body)
    await running
    assert service.executor.is_closed
    assert service.broker.is_closed
    with socket.socket() as connection, pytest.raises(ConnectionRefusedError):
        connection.connect(("127.0.0.1", where.port))


async def test_a_service_whose_tables_are_missing_is_not_ready_until_they_are_deployed() -> None:
    service = Service()
    found = ["`events`: create the table"]

    async def missing() -> list[str]:
        return list(found)

    running = asyncio.create_task(serve(service.app, stop=service.stop, missing=missing, deployed_seconds=0.02))
    await until(lambda: SchemaDiffers(tuple(found)) in service.observed)
    where = next(seen for seen in service.observed if isinstance(seen, Listening))
    async with aiohttp.ClientSession() as session:

        async def readyz() -> tuple[int, list[str]]:
            async with session.get(f"http://127.0.0.1:{where.admin_port}/readyz") as response:
                return response.status, (await response.json())["reasons"]

        status, reasons = await readyz()
        assert (status, reasons[0]) == (503, "schema: `events`: create the table (run `birdhouse deploy`)")
        found.clear()
        await until(lambda: not service.app[STATE].health.schema)
        assert not any("schema" in reason for reason in (await readyz())[1])
    service.stop.set()
    await running
    assert sum(isinstance(seen, SchemaDiffers) for seen in service.observed) == 1


async def test_a_clickhouse_that_does_not_say_what_is_deployed_is_no_reason_not_to_answer() -> None:
    service = Service()
    asked = asyncio.Event()

    async def missing() -> list[str]:
        asked.set()
        raise Unavailable("no")

    running = asyncio.create_task(serve(service.app, stop=service.stop, missing=missing))
    await asked.wait()
    await until(lambda: not service.app[STATE].health.schema)
    service.stop.set()
    await running
