"""Servers that answer wrongly, in every way that there is: nobody is told half of an answer, or somebody else's."""

from __future__ import annotations

import asyncio

import pytest

from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.engine.execute import Answer
from query_api.errors import BrokenAnswer, QueryRefused, Unavailable
from tests.query_api.engine.clickhouse.scripted_server import OK, Wire, always, ask, asked, chunked, sized

pytestmark = pytest.mark.sockets

BROKE = "the connection to ClickHouse broke"
GOOD = sized(b"good")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# By what they say, these end before they do.
ENDS_EARLY = (GOOD, OK + b"Content-Length: 2\r\n")
BOTH = [sized(b"rows\n"), chunked(b"ro", b"ws\n")]


@pytest.mark.parametrize("answer", BOTH, ids=["sized", "chunked"])
@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
async def test_an_answer_that_is_cut_is_none_wherever_it_is_cut(answer: bytes, is_reset: bool) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer[: wire.number])
        if is_reset:
            await asyncio.sleep(0.001)
            wire.reset()

    async with asked(script) as (executor, server):
        for length in range(len(answer)):
            with pytest.raises(Unavailable) as told:
                await ask(executor)
            assert told.value.message.startswith(BROKE if length else "ClickHouse cannot be reached: ")
        assert (await ask(executor)).body == b"rows\n"
        # Asked once each: what has begun to answer is not asked again.
        assert len(server.wires) == len(answer) + 1


@pytest.mark.parametrize("answer", BOTH, ids=["sized", "chunked"])
async def test_an_answer_is_the_same_however_it_is_cut_into_pieces(answer: bytes) -> None:
    for step in range(1, len(answer)):
        async with asked(always(answer, step=step)) as (executor, server):
            for _ in range(2):
                assert (await ask(executor)).body == b"rows\n"
            assert len(server.wires) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK + b"Content-Length: 9\r\n\r\nrows\n", id="too large a length"),
        pytest.param(OK + b"Content-Length: 2\r\n\r\nrows\n", id="too small a length"),
        pytest.param(OK + b"Content-Length: -2\r\n\r\nrows\n", id="a length below nothing"),
        pytest.param(OK + b"Content-Length: 99999999999999999999999\r\n\r\nrows\n", id="an endless length"),
        pytest.param(OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nrows\n", id="two lengths"),
        pytest.param(
            OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nrows\n\r\n0\r\n\r\n", id="both"
        ),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nrows\n", id="no size of a chunk"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nrows\nand", id="a chunk longer than its size"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nrows", id="an endless chunk"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nrows\n", id="a chunk below nothing"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nrows\n\r\n0\r\n", id="no end of chunks"),
        pytest.param(GOOD + GOOD, id="two answers"),
        pytest.param(GOOD + b"HTTP/1.1 500", id="an answer and a half"),
        pytest.param(OK + b"Content-Length 4\r\n\r\ngood", id="a header without a colon"),
        pytest.param(OK + b"A\0B: 4\r\n\r\ngood", id="a header with a zero"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 4\n\ngood", id="other ends of lines"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="no status"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="another protocol"),
        pytest.param(b"\0" * 1000, id="zeros"),
    ],
)
@pytest.mark.parametrize("step", [None, 1], ids=["at once", "byte by byte"])
async def test_what_is_no_answer_is_told_and_its_connection_never_used_again(answer: bytes, step: int | None) -> None:
    async def script(wire: Wire) -> None:
        while await wire.request():
            await wire.send(GOOD if wire.number else answer, step=None if wire.number else step)
            if not wire.number:
                await asyncio.sleep(0.01)
                wire.close()

    async with asked(script) as (executor, server):
        told = (await asyncio.gather(ask(executor), return_exceptions=True))[0]
        if step and answer.startswith(ENDS_EARLY):
            # Whole before anybody can know that more follows.
            assert isinstance(told, Answer)
        else:
            assert isinstance(told, Unavailable)
            assert told.message == BROKE
        assert [(await ask(executor)).body for _ in range(3)] == [b"good"] * 3
        assert len(server.wires) == 2


@pytest.mark.parametrize("first", [b"\x15\x03\x01\x00\x02\x02\x28", b"\x15\x03\x03\x00\x02\x02\x50"])
async def test_a_server_that_speaks_tls_is_told_as_one(first: bytes) -> None:
    async with asked(always(first)) as (executor, _):
        with pytest.raises(Unavailable, match="cannot be reached: the answer is not HTTP"):
            await ask(executor)
        with pytest.raises(Unavailable, match="does it speak TLS"):
            await executor.ping()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (OK + b"\r\nrows\n", "its answer has no length"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nrows\n", "its answer is compressed"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "its answer is compressed"),
        (sized(b"rows\n", b"Content-Encoding: gzip"), "its answer is compressed"),
    ],
)
async def test_an_answer_that_cannot_be_trusted_says_why(answer: bytes, words: str) -> None:
    """Where only the end of the connection ends it, an answer that was cut would pass for a whole one."""
    async with asked(always(answer)) as (executor, _):
        for asking in (ask(executor), executor.ping()):
            with pytest.raises(Unavailable, match=f"what answers there is no ClickHouse: {words}"):
                await asking


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\n<html>no server</html>", "HTTP status 503"),
        (b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "HTTP status 307"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\ngood", "HTTP status 101"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "HTTP status 204"),
        (b"HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n", BROKE),
    ],
)
async def test_another_status_is_told(answer: bytes, words: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer)

    async with asked(script) as (executor, server):
        with pytest.raises(Unavailable, match=words):
            await ask(executor)
        assert len(server.wires) == 1


async def test_an_error_whose_text_is_cut_is_still_that_error() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 1000\r\n\r\n"

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(head + b"Code: 60. DB::Exception: no table")

    async with asked(script) as (executor, _):
        with pytest.raises(QueryRefused, match="no table"):
            await ask(executor)


async def test_a_long_error_ends_the_connection_and_is_cut() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 9000000\r\n\r\n"

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(head + b"Code: 60. DB::Exception: no table " + b"x" * 2 * HELD_BYTES)
        await wire.until_left()

    async with asked(script) as (executor, server):
        with pytest.raises(QueryRefused, match="no table") as told:
            await ask(executor)
        assert len(told.value.message) < 70_000
        await server.wires[0].left.wait()


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: c\r\n\r\n",
    ],
)
@pytest.mark.parametrize("step", [None, 1], ids=["at once", "byte by byte"])
async def test_what_comes_before_an_answer_is_not_the_answer(before: bytes, step: int | None) -> None:
    async with asked(always(before + GOOD, step=step)) as (executor, server):
        for _ in range(2):
            assert (await ask(executor)).body == b"good"
        assert len(server.wires) == 1


@pytest.mark.parametrize(
    ("beginning", "without_end"),
    [
        (b"", CONTINUE),
        (OK, b"A: b\r\n"),
        (OK + b"A", b"A" * 100),
        (OK + b"A: ", b"b" * 100),
        (b"HTTP/1.1 200 ", b"OK" * 100),
        (chunked(b"rows\n")[:-2], b"A: b\r\n"),
        (chunked(b"rows\n")[:-2] + b"A: ", b"b" * 100),
        (chunked(b"rows\n")[:-5], b"0" * 100),
        (chunked(b"rows\n")[:-5] + b"5;", b"a=b;" * 25),
    ],
)
async def test_a_head_that_does_not_end_is_given_up(beginning: bytes, without_end: bytes) -> None:
    sent = 0

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.request()
        await wire.send(beginning)
        while True:
            await wire.send(without_end * 10)
            await asyncio.sleep(0)
            sent += len(without_end) * 10

    async with asked(script) as (executor, _):
        with pytest.raises(Unavailable, match=BROKE):
            await ask(executor)
    assert sent < 20_000_000


@pytest.mark.parametrize("length", [65_000, 70_000])
@pytest.mark.parametrize("step", [None, 1000], ids=["at once", "in pieces"])
async def test_the_longest_head_is_the_same_however_it_comes(length: int, step: int | None) -> None:
    async with asked(always(sized(b"good", b"A: " + b"b" * length), step=step)) as (executor, _):
        if length < 65_536:
            assert (await ask(executor)).body == b"good"
        else:
            with pytest.raises(Unavailable, match=BROKE):
                await ask(executor)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sized(b"1\n"), ""),
        (sized(b"2\n"), "what answers there is no ClickHouse \\("),
        (sized(b"1\n")[:-1], BROKE),
        (b"", "cannot be reached: the connection was closed without an answer"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "is no ClickHouse: HTTP status 404"),
        (
            b"HTTP/1.1 403 No\r\nX-ClickHouse-Exception-Code: 516\r\nContent-Length: 0\r\n\r\n",
            "does not let the user `u` in",
        ),
        (b"HTTP/1.1 500 No\r\nContent-Length: 33\r\n\r\nCode: 241. DB::Exception: too much", "ClickHouse answered: "),
    ],
)
async def test_a_ping_says_what_it_found(answer: bytes, words: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(answer)

    async with asked(script) as (executor, _):
        if not words:
            await executor.ping()
            return
        with pytest.raises(Unavailable, match=words):
            await executor.ping()


async def test_a_stream_that_is_cut_is_broken() -> None:
    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(OK + b"Content-Length: 9000000\r\n\r\n" + b"x" * 2 * HELD_BYTES)

    async with asked(script) as (executor, _):
        answer = await ask(executor)
        with pytest.raises(BrokenAnswer, match=BROKE):
            await answer.whole()


async def test_an_exception_at_the_end_of_what_is_cut_is_told() -> None:
    message = b"\r\n__exception__\r\ntag\r\nCode: 395. DB::Exception: it failed\n36 tag\r\n__exception__\r\n"

    async def script(wire: Wire) -> None:
        await wire.request()
        head = OK + b"X-ClickHouse-Exception-Tag: tag\r\nTransfer-Encoding: chunked\r\n\r\n"
        rows = b"x" * (2 * HELD_BYTES if wire.number else 10)
        await wire.send(head + b"%x\r\n%b\r\n" % (len(rows) + len(message), rows + message))

    async with asked(script) as (executor, _):
        with pytest.raises(QueryRefused, match="it failed"):
            await ask(executor)
        answer = await ask(executor)
        with pytest.raises(BrokenAnswer, match="it failed") as broken:
            await answer.whole()
        assert broken.value.code == 395
