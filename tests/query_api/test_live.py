"""A change of the project while requests come: what changes with it, and what lives on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import jwt
from aiohttp import web

from query_api.access.auth import derive_token
from query_api.access.rate_limit import RateLimiter
from query_api.app import create_admin, swap_project
from query_api.errors import QueryRefused
from query_api.live import Live
from query_api.routes import Route
from query_api.snapshot import Snapshot
from schemas.model import Pipe, Token
from schemas.queries.catalog import compile_project
from tests.query_api.asking import get, metrics_of
from tests.query_api.fakes import PROJECT, SECRET, Api, Client, StartApi, endpoint, until

StartClient = Callable[..., Awaitable[Client]]
TOP = "/v0/pipes/top.json"


def swap(api: Api, *pipes: Pipe, secrets: Mapping[str, str] | None = None) -> None:
    """Answer for a project of other pipes."""
    changed = replace(PROJECT, pipes={each.name: each for each in pipes})
    swap_project(api.app, changed, compile_project(changed, secrets=secrets))


async def test_another_project_answers_from_the_next_request_on(api: Api) -> None:
    assert (await api.client.get(TOP, headers=api.token("board"))).status == 200
    swap(api, endpoint("news", "SELECT 1", Token("reader", "READ")))
    assert (await api.client.get(TOP, headers=api.token())).status == 404
    assert (await api.client.get(TOP, headers=api.token("board"))).status == 403
    assert (await api.client.get("/v0/pipes/news.json", headers=api.token("reader"))).status == 200
    assert [each["name"] for each in (await get(api, "/v0/pipes"))["pipes"]] == ["news"]
    api.executor.body = b""
    assert "/v0/pipes/news.json" in (await get(api, "/v0/pipes/openapi.json"))["paths"]


async def test_a_request_under_way_ends_with_the_project_that_it_began_with(api: Api) -> None:
    swap(api, endpoint("top", "SELECT 'old'"), secrets={"salt": "hush-hush"})
    api.executor.gate = asyncio.Event()
    api.executor.error = QueryRefused("no function hush-hush", 46)
    asking = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: bool(api.executor.questions))
    swap(api, endpoint("top", "SELECT 'new'"))
    api.executor.gate.set()
    response = await asking
    # What was secret when it was asked is hidden in its answer.
    assert (response.status, "hush-hush" in await response.text()) == (400, False)
    assert "hush-hush" in await (await api.client.get(TOP, headers=api.token())).text()
    assert [each.query.sql.strip() for each in api.executor.questions] == ["SELECT 'old'", "SELECT 'new'"]


async def test_a_handler_is_the_snapshots_of_the_requests_beginning(aiohttp_client: StartClient) -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()

    def offer(snapshot: Snapshot) -> list[Route]:
        async def answer(request: web.Request) -> web.Response:
            began.set()
            await goes_on.wait()
            return web.Response(text=" ".join(snapshot.catalog.pipes))

        return [Route("GET", "/", answer)]

    live, app = Live(offer, snapshot_of("old")), web.Application()
    live.add_to(app.router)
    client = await aiohttp_client(app)
    asking = asyncio.create_task(client.get("/"))
    await began.wait()
    live.swap(snapshot_of("new"))
    goes_on.set()
    assert await (await asking).text() == "old"
    assert await (await client.get("/")).text() == "new"


def snapshot_of(pipe: str) -> Snapshot:
    project = replace(PROJECT, pipes={pipe: endpoint(pipe, "SELECT 1")})
    return Snapshot.of(project, compile_project(project), SECRET.encode, RateLimiter())


async def test_a_rate_that_is_used_up_is_used_up_for_the_next_project_too(api: Api) -> None:
    scope = {"type": "PIPES:READ", "resource": "top"}
    claims = {"name": "page", "exp": int(time.time()) + 60, "scopes": [scope], "limits": {"rps": 1}}
    value = jwt.encode(claims, derive_token(SECRET.encode(), "admin"), algorithm="HS256")
    headers = {"Authorization": f"Bearer {value}"}
    assert (await api.client.get(TOP, headers=headers)).status == 200
    swap(api, endpoint("top", "SELECT 2"))
    refused = await api.client.get(TOP, headers=headers)
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (429, "0")


async def test_queries_that_run_count_for_the_next_project_too(start_api: StartApi) -> None:
    api = await start_api(max_queries=1, max_queued=0)
    api.executor.gate = asyncio.Event()
    running = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: bool(api.executor.questions))
    swap(api, endpoint("top", "SELECT 2"))
    assert "birdhouse_api_queries_running 1.0" in metrics_of(api)
    assert (await api.client.get(TOP, headers=api.token())).status == 503
    api.executor.gate.set()
    assert (await running).status == 200


async def test_events_go_to_the_same_producer_whatever_the_project(api: Api) -> None:
    for _ in range(2):
        assert (await api.client.post("/v0/events?name=events", data=b"{}", headers=api.token())).status == 202
        swap(api)
    assert len(api.broker.messages) == 2
    assert not api.broker.is_closed


async def test_the_admin_port_tells_of_the_project_that_answers(api: Api, aiohttp_client: StartClient) -> None:
    admin = await aiohttp_client(create_admin(api.app))
    swap(api, endpoint("news", "SELECT 1"))
    assert (await (await admin.get("/status")).json())["pipes"] == ["news"]
