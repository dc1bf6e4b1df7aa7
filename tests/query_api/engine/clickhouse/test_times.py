"""Time-outs that are time-outs: of a rest, of silence, of a stream that nobody reads, of connecting."""

from __future__ import annotations

import asyncio
import socket

import pytest

from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.errors import BrokenAnswer, QueryTooSlow, Unavailable
from tests.query_api.engine.clickhouse.own_loop import own_loop, run
from tests.query_api.engine.clickhouse.scripted_server import OK, Wire, always, ask, asked, sized

pytestmark = pytest.mark.sockets
LONG = OK + b"Content-Length: 900000000\r\n\r\n"


def test_a_connection_rests_for_eight_seconds_and_not_longer() -> None:
    async def scenario() -> None:
        async with asked(always(sized(b"rows"))) as (executor, server):
            await ask(executor)
            await own_loop().skip(7.9)
            await ask(executor)
            await own_loop().skip(7.9)
            assert [wire.left.is_set() for wire in server.wires] == [False]
            await own_loop().skip(0.2)
            assert [wire.left.is_set() for wire in server.wires] == [True]
            assert (await ask(executor)).body == b"rows"
            assert len(server.wires) == 2

    run(scenario())


def test_a_query_without_a_limit_may_be_silent_for_an_hour() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        if wire.number == 1:
            await asyncio.sleep(0)
            await wire.send(sized(b"rows")[:20])
        await wire.until_left()

    async def scenario() -> None:
        async with asked(script, connections=2) as (executor, server):
            asking = asyncio.create_task(ask(executor, seconds=0))
            for seconds in (0, 3000, 599):
                await own_loop().skip(seconds)
            assert not asking.done()
            await own_loop().skip(5)
            with pytest.raises(QueryTooSlow):
                await asking
            await server.wires[0].left.wait()

    run(scenario())


def test_a_limit_is_of_the_whole_answer_and_its_end_is_seen_at_once() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(LONG + b"x" * (1000 if wire.number else 0))
        await wire.until_left()

    async def scenario() -> None:
        async with asked(script, connections=2) as (executor, _):
            late = [asyncio.create_task(ask(executor, seconds=seconds)) for seconds in (50, 20)]
            await own_loop().skip(0)
            await own_loop().skip(20.5)
            assert [task.done() for task in late] == [False, False]
            await own_loop().skip(0.6)
            assert [task.done() for task in late] == [False, True]
            await own_loop().skip(31)
            for task in late:
                with pytest.raises(QueryTooSlow):
                    await task

    run(scenario())


def test_a_stream_has_no_limit_but_between_its_bytes() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(LONG + b"x" * (HELD_BYTES + 10))
        for _ in range(4):
            await more.wait()
            more.clear()
            await wire.send(b"y")
        await wire.until_left()

    more = asyncio.Event()

    async def scenario() -> None:
        async with asked(script) as (executor, server):
            body = (await ask(executor)).body
            assert not isinstance(body, bytes)
            while (await anext(body)).count(b"x") == 300_000:
                pass
            for _ in range(4):
                await own_loop().skip(10)
                more.set()
                while b"y" not in await anext(body):
                    pass
            await own_loop().skip(11.5)
            with pytest.raises(BrokenAnswer, match="the connection to ClickHouse broke"):
                await anext(body)
            await server.wires[0].left.wait()

    run(scenario())


def test_a_stream_that_is_not_read_is_not_a_server_that_is_silent() -> None:
    async def scenario() -> None:
        async with asked(always(sized(b"x" * 20_000_000))) as (executor, _):
            answer = await ask(executor)
            for _ in range(5):
                await own_loop().skip(100)
            assert await answer.whole() == b"x" * 20_000_000
            assert (await ask(executor)).body is not None

    run(scenario())


def test_a_host_that_takes_no_connection_is_given_up() -> None:
    async def scenario() -> None:
        with socket.socket() as full:
            # Nobody accepts, and the place of those who wait is taken.
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            executor = HttpExecutor(ClickHouseServer(url, "d", "u", "p"), connections=1)
            asking = asyncio.create_task(ask(executor))
            await own_loop().skip(0)  # it begins
            await own_loop().skip(4.5)
            assert not asking.done()
            await own_loop().skip(1)
            with pytest.raises(Unavailable, match="cannot be reached: no answer in time"):
                await asking
            soon = asyncio.create_task(ask(executor, seconds=1))
            await own_loop().skip(0)
            await own_loop().skip(2.1)
            with pytest.raises(QueryTooSlow):
                await soon
            await executor.close()
            for filler in fillers:
                filler.close()

    run(scenario())


def test_a_silent_server_does_not_hold_a_ping_up() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.until_left()

    async def scenario() -> None:
        async with asked(script) as (executor, _):
            pinging = asyncio.create_task(executor.ping())
            await own_loop().skip(0)  # it begins
            await own_loop().skip(4.5)
            assert not pinging.done()
            await own_loop().skip(1)
            with pytest.raises(Unavailable, match="cannot be reached: no answer in time"):
                await pinging

    run(scenario())
