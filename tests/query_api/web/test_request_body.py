"""Bodies that are there, and bodies that come too slowly or are too large."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.test_utils import make_mocked_request

from query_api.errors import BodyTooSlow
from query_api.web.request_body import read_body


class Body(StreamReader):
    """Bytes that a test gives; without an end they never stop coming, and never come."""

    def __init__(self, *pieces: bytes, is_whole: bool) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(BaseProtocol(loop), 2**16, loop=loop)
        for piece in pieces:
            self.feed_data(piece)
        if is_whole:
            self.feed_eof()

    async def _wait(self, func_name: str) -> None:
        await asyncio.Event().wait()


async def test_a_body_that_arrives_is_read() -> None:
    request = make_mocked_request("POST", "/", payload=Body(b"all ", b"of it", is_whole=True))
    assert await read_body(request) == b"all of it"


async def test_a_request_without_a_body_has_an_empty_one() -> None:
    assert await read_body(make_mocked_request("GET", "/", payload=EMPTY_PAYLOAD)) == b""


async def test_a_body_that_is_there_keeps_the_limit() -> None:
    for size, is_taken in ((1000, True), (1001, False)):
        body = Body(b"x" * size, is_whole=True)
        request = make_mocked_request("POST", "/", payload=body, client_max_size=1000)
        with nullcontext() if is_taken else pytest.raises(web.HTTPRequestEntityTooLarge):
            assert len(await read_body(request)) == 1000


async def test_a_body_that_stops_half_way_is_408() -> None:
    request = make_mocked_request("POST", "/", payload=Body(b"half of", is_whole=False))
    with pytest.raises(BodyTooSlow, match="the body did not arrive within 0 s") as caught:
        await read_body(request, seconds=0)
    assert caught.value.status == 408
