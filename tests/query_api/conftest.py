"""A query API that runs on fakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import TestServer

from query_api.app import create_app
from query_api.observing.observations import Observation
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from service.settings import load_settings
from tests.query_api.fakes import PROJECT, SECRET, Api, Client, FakeBroker, FakeExecutor, StartApi


@pytest.fixture
async def start_api(
    aiohttp_server: Callable[..., Awaitable[TestServer]], aiohttp_client: Callable[..., Awaitable[Client]]
) -> StartApi:
    """Starts an API with settings given as in the environment, lower case and without `BIRDHOUSE_API_`."""

    async def start(**settings: object) -> Api:
        environment = {f"BIRDHOUSE_API_{name.upper()}": str(value) for name, value in settings.items()}
        executor, broker, observed = FakeExecutor(), FakeBroker(), list[Observation]()
        app = create_app(
            load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET, **environment}),
            environment={},
            project=PROJECT,
            servers=Servers(executor, broker, broker, broker),
            observer=observed.append,
        )
        server = await aiohttp_server(app, auto_decompress=False)
        return Api(await aiohttp_client(server), executor, broker, observed, app)

    return start


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    return await start_api()
