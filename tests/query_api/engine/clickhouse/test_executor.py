"""What the executor says in the URL of a query, to a server that shows it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.limits import Limits
from query_api.errors import QueryTooSlow
from schemas.queries.query import Query

pytestmark = pytest.mark.sockets


@pytest.mark.parametrize("size", [10, 100_000], ids=["short", "long"])
async def test_settings_limits_and_the_id_are_in_the_url_and_the_values_in_the_body(size: int) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []
    headers: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((dict(request.query), await request.read()))
        headers.append(dict(request.headers))
        return web.Response(body=b"rows")

    app = web.Application()
    app.router.add_post("/", answer)
    server = TestServer(app)
    await server.start_server()
    values = {f"p{number}": "x" * size for number in range(5)}
    query = Query("SELECT 1", values, {"max_threads": "1", "join_use_nulls": "1", "max_result_rows": "9"})
    executor = HttpExecutor(ClickHouseServer(str(server.make_url("")), "d", "u", "p"), connections=1)
    try:
        for query_id, limits in (("a", Limits(result_rows=5)), ("b & c=ü/é", Limits(result_rows=6))):
            found = await executor.execute(
                query, format="JSON", query_id=query_id, limits=limits, settings={"max_threads": "2"}
            )
            assert found.body == b"rows"
    finally:
        await executor.close()
        await server.close()
    (first, body), (second, _) = seen
    assert (first["query_id"], second["query_id"]) == ("a", "b & c=ü/é")
    # Whoever runs the service wins over the caller, and the caller over the pipe.
    assert (first["max_result_rows"], second["max_result_rows"]) == ("5", "6")
    assert (first["max_threads"], first["join_use_nulls"], first["readonly"]) == ("2", "1", "2")
    assert first["default_format"] == "JSON"
    assert not any(name.startswith("param_") or name == "query" for name in first)
    assert body.count(b"x" * size) == 5
    assert headers[0]["User-Agent"] == "birdhouse"
    # Compressing an answer for the API would cost both sides more than it spares.
    assert headers[0]["Accept-Encoding"] == "identity"


async def test_a_server_that_is_silent_is_no_lost_connection() -> None:
    """It is over its time limit and busy; whoever asked is told so, and the connection ends, which ends the query."""
    left = asyncio.Event()

    async def be_busy(request: web.Request) -> web.Response:
        try:
            await asyncio.sleep(60)
        finally:
            left.set()
        raise AssertionError

    app = web.Application()
    app.router.add_post("/", be_busy)
    server = TestServer(app)
    await server.start_server()
    executor = HttpExecutor(ClickHouseServer(str(server.make_url("")), "d", "u", "p"), connections=1)
    try:
        async with asyncio.timeout(5):
            with pytest.raises(QueryTooSlow, match=r"longer than `0\.1 s`"):
                await executor.execute(
                    Query("SELECT 1"), format="JSON", query_id="a", limits=Limits(execution_seconds=0.1), settings={}
                )
            await left.wait()
    finally:
        await executor.close()
        await server.close()
