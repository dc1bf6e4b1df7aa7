"""Answers that come slowly, late, or never to an end."""

from __future__ import annotations

import asyncio

import pytest

from query_api.errors import QueryTooSlow
from tests.query_api.engine.clickhouse.scripted_server import OK, Wire, ask, asked, chunked, sized

pytestmark = pytest.mark.sockets


async def test_an_answer_that_comes_slowly_is_whole() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        for byte in chunked(b"rows\n"):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0.002)

    async with asked(script) as (executor, _):
        assert (await ask(executor)).body == b"rows\n"


@pytest.mark.parametrize("beginning", [b"", b"HTT", OK, sized(b"rows\n")[:-1]])
async def test_an_answer_that_does_not_come_in_time_is_too_slow(beginning: bytes) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(beginning)
        await wire.until_left()

    async with asked(script) as (executor, server):
        with pytest.raises(QueryTooSlow, match=r"longer than `0\.1 s`"):
            await ask(executor, seconds=0.1)
        await server.wires[0].left.wait()


async def test_bytes_that_keep_coming_do_not_put_the_limit_off() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            await wire.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    async with asked(script) as (executor, _):
        with pytest.raises(QueryTooSlow):
            await ask(executor, seconds=0.1)
