"""Answers of a ClickHouse over HTTP: whole or as a stream, refused, broken, or somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Answer, Summary
from query_api.engine.limits import Limits
from query_api.errors import BrokenAnswer, QueryRefused, RequestError, Unavailable
from schemas.queries.query import Query

pytestmark = pytest.mark.sockets
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
Ask = Callable[[Respond], Awaitable[Answer]]
TAG = "abcdefghijklmnop"


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    """Asks a server that answers as a test says."""
    servers: list[TestServer] = []
    executors: list[HttpExecutor] = []

    async def answer(respond: Respond) -> Answer:
        app = web.Application()
        app.router.add_post("/", respond)
        servers.append(server := TestServer(app))
        await server.start_server()
        executors.append(
            executor := HttpExecutor(ClickHouseServer(str(server.make_url("/")), "d", "u", ""), connections=1)
        )
        return await executor.execute(Query("SELECT 1"), format="JSON", query_id="id", limits=Limits(), settings={})

    yield answer
    for executor in executors:
        await executor.close()
    for server in servers:
        await server.close()


async def test_a_small_answer_is_held_and_says_what_was_read(ask: Ask) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=b"rows", headers={"X-ClickHouse-Summary": '{"read_rows": "3", "read_bytes": "9"}'})

    assert await ask(respond) == Answer(b"rows", Summary(3, 9))


async def test_a_summary_that_is_none_is_no_reason_to_fail(ask: Ask) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=b"rows", headers={"X-ClickHouse-Summary": "[]"})

    assert await ask(respond) == Answer(b"rows")


async def test_a_large_answer_is_a_stream(ask: Ask) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (2 * HELD_BYTES))

    answer = await ask(respond)
    assert not isinstance(answer.body, bytes)
    assert await answer.whole() == b"x" * (2 * HELD_BYTES)


async def test_a_stream_that_ends_with_an_exception_is_broken(ask: Ask) -> None:
    async def respond(request: web.Request) -> web.Response:
        message = "Code: 395. DB::Exception: it failed\n"
        end = f"\r\n__exception__\r\n{TAG}\r\n{message}{len(message)} {TAG}\r\n__exception__\r\n"
        headers = {"X-ClickHouse-Exception-Tag": TAG}
        return web.Response(body=b"x" * (2 * HELD_BYTES) + end.encode(), headers=headers)

    answer = await ask(respond)
    with pytest.raises(BrokenAnswer, match="it failed") as broken:
        await answer.whole()
    assert broken.value.code == 395


@pytest.mark.parametrize(
    ("status", "headers", "text", "error", "words"),
    [
        (404, {"X-ClickHouse-Exception-Code": "60"}, "Code: 60. DB::Exception: no table.", QueryRefused, "no table"),
        (200, {"X-ClickHouse-Exception-Code": "60"}, "Code: 60. DB::Exception: no table.", QueryRefused, "no table"),
        (500, {}, "Code: 47. DB::Exception: no column.", QueryRefused, "no column"),
        (502, {}, "<html>a proxy's own page</html>", Unavailable, "HTTP status 502"),
    ],
)
async def test_what_is_no_answer_says_why(
    ask: Ask, status: int, headers: dict[str, str], text: str, error: type[RequestError], words: str
) -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    with pytest.raises(error, match=words):
        await ask(respond)
