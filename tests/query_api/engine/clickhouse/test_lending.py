"""Connections between requests: how many there are, which are used again, and which never."""

from __future__ import annotations

import asyncio

import pytest

from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.errors import QueryTooSlow, Unavailable
from tests.query_api.engine.clickhouse.scripted_server import OK, Wire, always, ask, asked, chunked, sized

pytestmark = pytest.mark.sockets

LONG = OK + b"Content-Length: 900000000\r\n\r\n"


def id_of(request: bytes) -> bytes:
    return request[request.index(b"query_id=") + 9 :].split(b" ")[0]


async def test_requests_share_connections_and_never_more_than_are_allowed() -> None:
    async def script(wire: Wire) -> None:
        while request := await wire.request():
            order.append(int(id_of(request)))
            await asyncio.sleep(0.002)
            await wire.send(chunked(id_of(request)))

    order: list[int] = []
    async with asked(script, connections=3) as (executor, server):
        answers = await asyncio.gather(*(ask(executor, query_id=str(number)) for number in range(50)))
        assert [answer.body for answer in answers] == [str(number).encode() for number in range(50)]
        assert (server.most_connections, len(server.wires)) == (3, 3)
        # Whoever came first is asked first; three at a time, in the order in which the server reads them.
        assert all(abs(place - number) <= 3 for place, number in enumerate(order))


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
async def test_a_connection_that_was_closed_for_its_rest_is_made_anew_unseen(is_reset: bool) -> None:
    """Also when the server closes it at the very moment of the next request."""

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(sized(b"rows"))
        if wire.number % 2:
            await wire.request()
        if is_reset:
            await asyncio.sleep(0.001)
            wire.reset()

    async with asked(script) as (executor, server):
        for number in range(20):
            assert (await ask(executor)).body == b"rows"
            await asyncio.sleep(0.003 if number % 3 else 0)
        assert len(server.wires) <= 20


async def test_what_closed_one_resting_connection_costs_one_try_however_many_rest() -> None:
    """A server that starts anew has closed all of them."""
    is_over = False

    async def script(wire: Wire) -> None:
        while await wire.request():
            if is_over and wire.number < 5:
                return
            await asyncio.sleep(0.01)
            await wire.send(sized(b"rows"))

    async with asked(script, connections=5) as (executor, server):
        await asyncio.gather(*(ask(executor) for _ in range(5)))
        is_over = True
        assert (await ask(executor)).body == b"rows"
        assert len(server.wires) == 6


async def test_a_request_is_asked_again_once_and_only_if_nothing_came() -> None:
    asked_twice: list[int] = []

    async def script(wire: Wire) -> None:
        await wire.request()
        if wire.number == 0:
            await wire.send(sized(b"rows"))
            await wire.request()
        asked_twice.append(wire.number)
        if len(asked_twice) > 2:
            await wire.send(sized(b"rows"))

    async with asked(script) as (executor, _):
        await ask(executor)
        with pytest.raises(Unavailable, match="closed without an answer"):
            await ask(executor)
        assert asked_twice == [0, 1]


async def test_a_byte_of_an_answer_is_enough_not_to_ask_again() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(sized(b"rows"))
        await wire.request()
        await wire.send(b"H")

    async with asked(script) as (executor, server):
        await ask(executor)
        with pytest.raises(Unavailable, match="the connection to ClickHouse broke"):
            await ask(executor)
        assert len(server.wires) == 1


@pytest.mark.parametrize("pause", [0, 0.005], ids=["not seen yet", "seen"])
async def test_what_a_server_says_unasked_answers_nobody(pause: float) -> None:
    """Neither what the event loop has read by the next request, nor what it has not."""
    said = asyncio.Event()

    async def script(wire: Wire) -> None:
        while await wire.request():
            await wire.send(sized(b"%d" % wire.number))
            await asyncio.sleep(0.002)
            await wire.send(sized(b"stray"))
            said.set()

    async with asked(script) as (executor, server):
        for number in range(5):
            assert (await ask(executor)).body == b"%d" % number
            await said.wait()
            said.clear()
            await asyncio.sleep(pause)
        assert len(server.wires) == 5


@pytest.mark.parametrize("line", [b"Connection: close", b"connection: Close"])
async def test_a_connection_that_the_server_will_close_is_not_used_again(line: bytes) -> None:
    async with asked(always(sized(b"rows", line))) as (executor, server):
        for _ in range(3):
            assert (await ask(executor)).body == b"rows"
        assert len(server.wires) == 3


async def test_a_caller_who_leaves_ends_the_query_wherever_it_is() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send((b"", b"HTTP", OK, LONG, LONG + b"rows")[wire.number])
        here.set()
        await wire.until_left()

    here = asyncio.Event()
    async with asked(script) as (executor, server):
        for number in range(5):
            asking = asyncio.create_task(ask(executor))
            waiting = asyncio.create_task(ask(executor))
            await here.wait()
            here.clear()
            await asyncio.sleep(0.002)
            for task in (waiting, asking):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await server.wires[number].left.wait()


@pytest.mark.parametrize("is_begun", [False, True], ids=["not begun", "begun"])
@pytest.mark.parametrize("is_closed", [False, True], ids=["forgotten", "closed"])
async def test_a_stream_that_nobody_reads_to_its_end_ends_the_query(is_begun: bool, is_closed: bool) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(LONG + b"x" * 2 * HELD_BYTES)
        await wire.until_left()

    async with asked(script) as (executor, server):
        for number in range(3):
            body = (await ask(executor)).body
            assert not isinstance(body, bytes)
            if is_begun:
                assert len(await anext(body)) > 0
            if is_closed:
                await body.aclose()
                with pytest.raises(StopAsyncIteration):
                    await anext(body)
            del body
            await server.wires[number].left.wait()


async def test_a_caller_who_leaves_a_stream_while_it_waits_ends_the_query() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(LONG + b"x" * 2 * HELD_BYTES)
        await wire.until_left()

    async with asked(script) as (executor, server):
        reading = asyncio.create_task((await ask(executor)).whole())
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await server.wires[0].left.wait()


async def test_a_place_is_free_again_however_its_request_ended() -> None:
    """Those who wait for one and leave, or are given one and leave at the same moment, take none with them."""

    async def script(wire: Wire) -> None:
        while request := await wire.request():
            await asyncio.sleep(0.001)
            if b"query_id=bad" in request:
                await wire.send(b"no answer")
                return
            await wire.send(sized(b"rows"))

    async with asked(script, connections=2) as (executor, _):
        for turn in range(40):
            tasks = [asyncio.create_task(ask(executor, query_id="bad" if n % 3 == 0 else "good")) for n in range(8)]
            await asyncio.sleep(0.0005 * (turn % 8))
            for task in tasks[turn % 3 :: 2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        answers = await asyncio.gather(ask(executor), ask(executor), ask(executor))
        assert [answer.body for answer in answers] == [b"rows"] * 3


async def test_who_waits_too_long_for_a_connection_is_too_slow() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.until_left()

    async with asked(script) as (executor, server):
        first = asyncio.create_task(ask(executor))
        await asyncio.sleep(0.01)
        with pytest.raises(QueryTooSlow):
            await ask(executor, seconds=0.1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert len(server.wires) == 1


async def test_a_stream_is_read_no_faster_than_it_is_wanted() -> None:
    sent, total = 0, 100_000_000

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.request()
        await wire.send(OK + b"Content-Length: %d\r\n\r\n" % total)
        while sent < total:
            await wire.send(b"x" * 100_000)
            sent += 100_000
        await wire.until_left()

    async with asked(script) as (executor, _):
        body = (await ask(executor)).body
        assert not isinstance(body, bytes)
        got = longest = 0
        for _ in range(3):
            piece = await anext(body)
            got, longest = got + len(piece), max(longest, len(piece))
            await asyncio.sleep(0.1)
        # Besides, the system's own buffers of both sides hold some.
        assert sent < 30_000_000
        async for piece in body:
            got, longest = got + len(piece), max(longest, len(piece))
        assert got == total
        assert longest < 2_500_000


async def test_a_stream_that_was_read_to_its_end_leaves_its_connection() -> None:
    async with asked(always(sized(b"x" * 5 * HELD_BYTES))) as (executor, server):
        for _ in range(3):
            assert len(await (await ask(executor)).whole()) == 5 * HELD_BYTES
        assert len(server.wires) == 1
