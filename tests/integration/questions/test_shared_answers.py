"""Answers that are kept and shared, of a real server and of the embedded engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deploy.embedded.executor import EmbeddedExecutor
from query_api.access.auth import derive_token
from query_api.app import create_app
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from schemas.model import Endpoint
from schemas.queries.query import Query
from service.settings import load_settings
from tests.query_api.fakes import SECRET, FakeBroker
from tests.query_api.projects import pipe, project

HEADERS = {"Authorization": f"Bearer {derive_token(SECRET.encode(), 'admin')}"}
# Each time that ClickHouse is asked the answer is another.
PROJECT = project(
    pipe("slow", n="%\nSELECT generateUUIDv4() AS id, {{Int32(x, 1)}} AS x, sleep(0.7) AS s"),
    pipe("kept", kind=Endpoint(cache_seconds=2), n="%\nSELECT generateUUIDv4() AS id, {{Int32(x, 1)}} AS x"),
    pipe("by_template", n="%\nSELECT generateUUIDv4() AS id {% if defined(keep) %}{{cache_ttl('1h')}}{% end %}"),
    pipe(
        "long", kind=Endpoint(cache_seconds=60), n="SELECT generateUUIDv4() AS id, repeat('x', 1000) FROM numbers(3000)"
    ),
)


@dataclass
class Counted:
    """Counts what an executor is asked."""

    executor: Executor
    query_ids: list[str] = field(default_factory=list)

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        self.query_ids.append(query_id)
        return await self.executor.execute(query, format=format, query_id=query_id, limits=limits, settings=settings)

    async def ping(self) -> None:
        await self.executor.ping()

    async def close(self) -> None:
        await self.executor.close()


@dataclass
class Api:
    client: TestClient[web.Request, web.Application]
    executor: Counted

    async def ask(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        response = await self.client.get(f"/v0/pipes/{path}", headers={**HEADERS, **headers})
        await response.read()
        return response

    async def id_of(self, path: str) -> str:
        response = await self.ask(path)
        assert response.status == 200, await response.text()
        return str(json.loads(await response.read())["data"][0]["id"])


@pytest.fixture(params=["server", "embedded"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    if request.param == "server":
        server: Any = request.getfixturevalue("clickhouse")
        at = ClickHouseServer(server.url, "default", server.user, server.password)
        executor: Executor = HttpExecutor(at, connections=20)
    else:
        executor = EmbeddedExecutor(request.getfixturevalue("embedded_engine").handle, database="default")
    counted, broker = Counted(executor), FakeBroker()
    app = create_app(
        load_settings(QueryApiSettings, {"BIRDHOUSE_SECRET": SECRET}),
        environment={},
        project=PROJECT,
        servers=Servers(counted, broker, broker, broker),
    )
    server_of_api = TestServer(app)
    await server_of_api.start_server(auto_decompress=False)
    client = TestClient(server_of_api)
    yield Api(client, counted)
    await client.close()


async def test_those_who_ask_the_same_at_once_get_one_answer(api: Api) -> None:
    ids = await asyncio.gather(*(api.id_of("slow.json?x=1") for _ in range(20)), api.id_of("slow.json?x=2"))
    assert len(set(ids)) == len(api.executor.query_ids) == 2
    # Without a cache time the next one asks.
    assert await api.id_of("slow.json?x=1") not in ids


async def test_when_the_first_who_asked_leaves_the_others_are_answered_by_one_more_question(api: Api) -> None:
    first = asyncio.create_task(api.ask("slow.json"))
    while not api.executor.query_ids:  # noqa: ASYNC110 -- what is waited for knows no event of ours
        await asyncio.sleep(0.01)
    others = [asyncio.create_task(api.id_of("slow.json")) for _ in range(3)]
    await asyncio.sleep(0.2)
    first.cancel()
    assert len(set(await asyncio.gather(*others))) == 1
    assert len(api.executor.query_ids) == 2


async def test_an_answer_is_kept_for_its_time_and_no_longer(api: Api) -> None:
    first = await api.ask("kept.json")
    etag = first.headers["ETag"]
    second = await api.ask("kept.json")
    assert await second.read() == await first.read()
    assert (await api.ask("kept.json", **{"If-None-Match": etag})).status == 304
    assert (await api.ask("kept.csv")).headers["ETag"] != etag
    assert len(api.executor.query_ids) == 2
    await asyncio.sleep(2.05)
    third = await api.ask("kept.json", **{"If-None-Match": etag})
    assert (third.status, third.headers["Age"]) == (200, "0")
    assert third.headers["ETag"] != etag


async def test_a_template_decides_by_the_values(api: Api) -> None:
    assert await api.id_of("by_template.json?keep=1") == await api.id_of("by_template.json?keep=1")
    assert await api.id_of("by_template.json") != await api.id_of("by_template.json")


async def test_long_answers_are_whole_for_all_and_kept_for_nobody(api: Api) -> None:
    answers = await asyncio.gather(*(api.ask("long.ndjson") for _ in range(3)))
    bodies = [await each.read() for each in answers]
    assert [body.count(b"\n") for body in bodies] == [3_000] * 3
    before = len(api.executor.query_ids)
    last = await api.ask("long.ndjson")
    assert await last.read() not in bodies
    assert ("Age" in last.headers, len(api.executor.query_ids)) == (False, before + 1)
