"""What is sent to ClickHouse: long requests, their credentials, and what is left open at the end."""

from __future__ import annotations

import asyncio

import pytest

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.errors import QueryTooSlow, Unavailable
from schemas.queries.query import Query
from tests.query_api.engine.clickhouse.scripted_server import Wire, always, ask, asked, sized

pytestmark = pytest.mark.sockets

VALUES = {f"p{number}": "x" * 100_000 for number in range(200)}


async def test_a_long_request_is_sent_whole() -> None:
    lengths: list[int] = []

    async def script(wire: Wire) -> None:
        while request := await wire.request():
            lengths.append(request.count(b"x" * 100_000))
            await wire.send(sized(b"rows"))

    async with asked(script) as (executor, server):
        for _ in range(2):
            assert (await ask(executor, Query("SELECT 1", VALUES))).body == b"rows"
        assert (lengths, len(server.wires)) == ([200, 200], 1)


async def test_a_server_may_answer_before_it_has_read_all() -> None:
    """As it does to what is too much for it; what else would be sent is nobody's beginning of a request."""

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(sized(b"rows"))
        await wire.head()
        await wire.send(sized(b"too much"))
        await asyncio.sleep(0.05)
        await wire.until_left()

    async with asked(script) as (executor, server):
        for number in range(2):
            assert (await ask(executor)).body == b"rows"
            assert (await ask(executor, Query("SELECT 1", VALUES))).body == b"too much"
            await server.wires[number].left.wait()
        assert len(server.wires) == 2


async def test_a_server_that_takes_nothing_is_too_slow_and_costs_no_memory_twice() -> None:
    async def script(wire: Wire) -> None:
        await wire.head()
        await asyncio.sleep(20)

    async with asked(script) as (executor, _):
        with pytest.raises(QueryTooSlow):
            await ask(executor, Query("SELECT 1", VALUES), seconds=0.3)
        asking = asyncio.create_task(ask(executor, Query("SELECT 1", VALUES)))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_closing_ends_what_runs_and_leaves_nothing_open() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.until_left()

    async with asked(script, connections=2) as (executor, server):
        asking = [asyncio.create_task(ask(executor)) for _ in range(2)]
        await asyncio.sleep(0.02)
        await executor.close()
        for told in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(told, Unavailable)
        for wire in server.wires:
            await wire.left.wait()


@pytest.mark.parametrize("password", ["hunter2\r\nX-A: b", "hunter2\nb", "hunter2\0"])
async def test_a_password_that_no_header_can_hold_is_not_shown(password: str) -> None:
    async with asked(always(sized(b"1"))) as (_, server):
        to = ClickHouseServer(server.url, "d", "a:b", password)
        executor = HttpExecutor(to, connections=1)
        with pytest.raises(ValueError, match="X-ClickHouse-Key") as told:
            await ask(executor)
        assert "hunter2" not in repr(told.value) + repr(to)
        await executor.close()


async def test_who_asks_is_said_in_headers_alone() -> None:
    async def script(wire: Wire) -> None:
        request = await wire.request()
        head, _, body = request.partition(b"\r\n\r\n")
        line, *headers = head.split(b"\r\n")
        seen.append((line, headers, body))
        await wire.send(sized(b"rows"))

    seen: list[tuple[bytes, list[bytes], bytes]] = []
    async with asked(script) as (executor, server):
        await ask(executor)
        port = server.url.rpartition(":")[2].encode()
    line, headers, body = seen[0]
    assert b"Authorization: Basic dTpodW50ZXIy" in headers
    assert b"Host: 127.0.0.1:" + port in headers
    assert b"hunter2" not in line + body
