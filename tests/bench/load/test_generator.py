"""The load generator's connection reads whole answers, and what it tells of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.errors import BenchError
from bench.load.generator import Connection, Load


class Sent:
    """Takes what is written."""

    def write(self, data: bytes) -> None: ...


async def ask(*pieces: bytes) -> tuple[int, bytes]:
    reader = asyncio.StreamReader()
    writer: Any = Sent()
    for piece in pieces:
        reader.feed_data(piece)
    reader.feed_eof()
    return await Connection(reader, writer).ask(b"")


async def test_a_body_of_a_given_length() -> None:
    assert await ask(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhel", b"lo") == (200, b"hello")


async def test_a_chunked_body() -> None:
    body = b"5\r\nhello\r\n0\r\n\r\n"
    assert await ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + body) == (200, body)


async def test_a_refusal_without_a_body() -> None:
    assert await ask(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n") == (503, b"")


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    with pytest.raises(ConnectionError):
        await ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
    with pytest.raises(asyncio.IncompleteReadError):
        await ask(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")


def test_a_rate_counts_what_was_accepted() -> None:
    load = Load(2.0, (0.1, 0.2, 0.3), (0.5,), "503 busy", 0.1)
    assert load.rate == 1.5
    assert load.latency(50) == 0.2
    assert load.as_dict()["refused"] == 1
    with pytest.raises(BenchError, match="503 busy"):
        Load(2.0, (), (0.5,), "503 busy", 0.1).latency(50)
